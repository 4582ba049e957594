"""Limit how many trainings run at once. A process can start before it has a slot: that takes seconds and little GPU."""

import contextlib
import multiprocessing.context
import threading
from collections.abc import Iterator
from types import ModuleType


class Slots:
    """Training slots that threads, or the processes of a pool, share.

    Args:
        jobs: trainings at once.
        kind: what makes semaphores: `threading`, or a context of `multiprocessing`.
    """

    def __init__(self, jobs: int = 1, kind: ModuleType | multiprocessing.context.BaseContext = threading):
        self._jobs = jobs
        self.seat = kind.Semaphore(jobs + 1)
        """Held by who starts a process. One more than trains waits, ready: each takes a few hundred MB of the GPU."""
        self.slot = kind.Semaphore(jobs)
        """Held by who trains."""
        self._only_one = kind.Lock()

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the right to train while nobody else does."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._only_one)
            for _ in range(self._jobs):
                stack.enter_context(self.slot)
            yield
