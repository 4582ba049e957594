"""Resource limits of a submission and of a training. What exceeds one has a message to the student: see
`session` and `training.train_confined`."""

from dataclasses import dataclass

MIB = 1 << 20
MAX_TRACEBACK = 6000
"""Characters of a text with the student's own lines."""
MAX_PROBLEMS = 20
"""Statements that raised while the code was executed, of which a student reads."""
MAX_OUTLINED = 256 * MIB
"""Bytes of the weights of which a worker sends the shapes alone: whoever gets them may draw as many."""


@dataclass(frozen=True)
class Limits:
    """Limits of one submission. A worker that exceeds one is replaced, a few times for each question."""

    import_seconds: float = 30.0
    """Wall-clock time for executing the slice, once per worker."""
    request_seconds: float = 20.0
    """Wall-clock time for one step: the construction of an object, a forward pass, a backward pass."""
    submission_seconds: float = 300.0
    """Wall-clock time for all requests of one submission together."""
    cpu_seconds: int = 300
    """Processor time of all workers of one submission together."""
    memory_bytes: int = 1536 * MIB
    """Address space on top of what the zygote already maps."""
    reply_bytes: int = 256 * MIB
    """Largest reply, in bytes of tensors (ResNet-152 has 223 MiB of parameters)."""
    request_bytes: int = 256 * MIB
    """Largest request, in bytes of tensors."""
    threads: int = 16
    files: int = 64
    stops: int = 6
    """Workers that may end in the checks of one question; its other checks do not start one more."""
    timeouts: int = 3
    """Those of them that may do so because a step did not return in time."""


@dataclass(frozen=True)
class TrainingLimits:
    """Limits of one training, which runs in a process of its own."""

    start_seconds: float = 240.0
    """Wall-clock time until the process is ready: it imports torch and loads the CUDA libraries."""
    import_seconds: float = 30.0
    """Wall-clock time for executing the slice and building the network."""
    fit_seconds: float = 1200.0
    """Wall-clock time for all epochs."""
    silent_seconds: float = 180.0
    """Wall-clock time without a report of progress."""
    predict_seconds: float = 120.0
    """Wall-clock time for the logits of the held-out images."""
    memory_bytes: int = 8192 * MIB
    """Resident memory on top of what the process has before it receives student code. The address space is not
    limited: CUDA maps hundreds of GB."""
    reply_bytes: int = 256 * MIB
    """Largest reply, in bytes of tensors: logits and trained weights."""
    threads: int = 256
    files: int = 1024

    @property
    def cpu_seconds(self) -> int:
        """Processor time of all threads: a backstop, far above what a training needs that waits for a GPU."""
        return int(4 * (self.start_seconds + self.import_seconds + self.fit_seconds + self.predict_seconds))
