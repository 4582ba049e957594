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
