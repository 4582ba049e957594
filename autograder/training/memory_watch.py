"""Kill a process whose resident memory exceeds a limit, where the kernel cannot enforce one."""

import threading

import psutil

SECONDS_BETWEEN_CHECKS = 0.1


class MemoryWatch:
    """Watches a child process, not yet reaped, from a thread; use as a context manager.

    Args:
        process: the child.
        most_bytes: the resident memory that it may have.
    """

    def __init__(self, process: psutil.Process, most_bytes: int):
        self._process, self._most = process, most_bytes
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.exceeded = False
        """Whether it was killed for its memory."""

    def __enter__(self) -> "MemoryWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(SECONDS_BETWEEN_CHECKS):
            if resident_bytes(self._process) > self._most:
                self.exceeded = True
                self._process.kill()
                return


def resident_bytes(process: psutil.Process) -> int:
    """Resident memory of a process, all its threads; 0 when it has ended."""
    try:
        return process.memory_info().rss
    except psutil.NoSuchProcess:  # a zombie too
        return 0
