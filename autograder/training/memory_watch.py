"""Kills a process whose resident memory grows past a limit, where the kernel cannot be asked to."""

import os
import signal
import threading
from pathlib import Path

SECONDS_BETWEEN_LOOKS = 0.1


class MemoryWatch:
    """Watches a child of ours, not yet reaped, from a thread; use as a context manager.

    Args:
        pid: the child.
        most_bytes: what it may have resident.
    """

    def __init__(self, pid: int, most_bytes: int):
        self._pid, self._most = pid, most_bytes
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self.exceeded = False
        """It was killed for its memory."""

    def __enter__(self) -> "MemoryWatch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(SECONDS_BETWEEN_LOOKS):
            if resident_bytes(self._pid) > self._most:
                self.exceeded = True
                os.kill(self._pid, signal.SIGKILL)
                return


def resident_bytes(pid: int) -> int:
    """Resident memory of a process, all its threads; 0 when it has ended."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    except OSError:
        return 0
    found = next((line for line in lines if line.startswith("VmRSS:")), "VmRSS: 0 kB")
    return int(found.split()[1]) << 10
