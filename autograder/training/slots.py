"""How many trainings there are at once. Starting a process takes seconds and no GPU to speak of, so it comes before."""

import contextlib
import multiprocessing.context
import threading
from collections.abc import Iterator
from types import ModuleType


class Slots:
    """Hands out slots on the GPU among threads, or among the processes of a pool.

    Args:
        jobs: trainings at once.
        kind: what makes semaphores: `threading`, or a context of `multiprocessing`.
    """

    def __init__(self, jobs: int = 1, kind: ModuleType | multiprocessing.context.BaseContext = threading):
        self._jobs = jobs
        # One more waits with its process ready: each holds a few hundred MB of GPU memory.
        self._seats, self._slots = kind.Semaphore(jobs + 1), kind.Semaphore(jobs)
        self._only_one = kind.Lock()

    @contextlib.contextmanager
    def seat(self) -> Iterator[None]:
        """For who may start a process."""
        with self._seats:
            yield

    @contextlib.contextmanager
    def slot(self) -> Iterator[None]:
        """For who may train."""
        with self._slots:
            yield

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """For who must train while no other does."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(self._only_one)
            for _ in range(self._jobs):
                stack.enter_context(self._slots)
            yield
