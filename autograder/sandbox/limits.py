"""What a submission may use. Every limit has its own message to the student, see `session`."""

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """Limits of one submission; a worker that meets one of them is replaced, `workers` times at most."""

    import_seconds: float = 30.0
    """Wall clock for executing the slice, once per worker."""
    request_seconds: float = 20.0
    """Wall clock for one request: one construction, one forward, one backward."""
    submission_seconds: float = 300.0
    """Wall clock for all requests of one submission together."""
    cpu_seconds: int = 300
    """Processor time of all workers of one submission together."""
    memory_bytes: int = 2048 * MIB
    """Address space on top of what the zygote already maps."""
    reply_bytes: int = 256 * MIB
    """Largest reply, in bytes of tensors (ResNet-152 has 223 MiB of parameters)."""
    threads: int = 16
    files: int = 64
    workers: int = 6
    """Workers started for one submission before it is given up."""


@dataclass(frozen=True)
class TrainingLimits:
    """Limits of one training, which has a process of its own."""

    start_seconds: float = 240.0
    """Wall clock until the process is ready: it imports torch, and loads CUDA's libraries from a cold disk."""
    import_seconds: float = 30.0
    """Wall clock for executing the slice and building the network."""
    fit_seconds: float = 1200.0
    """Wall clock for all epochs; an old GPU takes a few minutes."""
    silent_seconds: float = 180.0
    """Wall clock without a sign of progress."""
    predict_seconds: float = 120.0
    """Wall clock for the logits of the held-out images."""
    memory_bytes: int = 8192 * MIB
    """Resident memory on top of what the process has before it sees student code. CUDA maps hundreds of GB of
    addresses, so a limit on those says nothing."""
    reply_bytes: int = 256 * MIB
    """Largest reply, in bytes of tensors: logits and trained weights."""
    threads: int = 256
    files: int = 1024

    @property
    def cpu_seconds(self) -> int:
        """Processor time of all threads; far from any that waits for a GPU, a backstop for one that does not."""
        return int(4 * (self.start_seconds + self.import_seconds + self.fit_seconds + self.predict_seconds))
