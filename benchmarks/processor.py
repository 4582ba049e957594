"""Processor time of a tree of processes: it depends on the load of a machine less than a clock does."""

import contextlib
import time

import psutil


def processor_seconds(pid: int | None = None) -> float:
    """Processor time that a process, its children and theirs have used; of this process when None.

    Children that ended count too, where their parent has waited for them.
    """
    root, seconds = psutil.Process(pid), 0.0
    if pid is None:
        seconds = time.process_time() - sum(root.cpu_times()[:2])  # exactly, and not in steps of 10 ms
    for process in (root, *root.children(recursive=True)):
        with contextlib.suppress(psutil.Error):  # it ended meanwhile
            seconds += sum(process.cpu_times()[:4])
    return seconds
