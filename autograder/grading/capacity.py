"""What a machine or a container can carry: how many submissions at once, by its cores and by its free memory."""

import contextlib
import math
import os
from collections.abc import Iterator
from pathlib import Path

import psutil

MEGABYTE = 10**6
NEEDED = 950 * MEGABYTE
"""One submission at a time: the processes that others are forked from, the one that grades, and the student's code. In
a control group with 1,000 MB a grading succeeds, in one with 800 MB the kernel kills it."""
FURTHER = 450 * MEGABYTE
"""Each further one at once. Code that builds networks of full width takes that; most takes half of it."""
CGROUP, OWN_GROUPS = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def suggested_jobs(cores: int | None = None, memory: int | None = None) -> int:
    """How many submissions to grade at once: one a core, as far as memory allows, and at least one.

    Args:
        cores: that this process may use; `usable_cores()` when None.
        memory: bytes that are free; `free_memory()` when None.
    """
    cores = usable_cores() if cores is None else cores
    memory = free_memory() if memory is None else memory
    return max(1, min(cores, 1 + (memory - NEEDED) // FURTHER))


def complain_about_memory(memory: int | None = None) -> str:
    """One line where the memory may not suffice for a single submission; "" where it does."""
    memory = free_memory() if memory is None else memory
    if memory >= NEEDED:
        return ""
    return (
        f"only {memory // MEGABYTE} MB of memory are free, and grading takes about {NEEDED // MEGABYTE} MB: if it is "
        "killed, choose a container with 1.5 GB, or end other programs"
    )


def usable_cores() -> int:
    """The cores that this process may use, rounded up; a container may have half of one."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    for group in _groups("cpu"):
        for files in (("cpu.max",), ("cpu.cfs_quota_us", "cpu.cfs_period_us")):
            with contextlib.suppress(OSError, ValueError):  # "max" and -1 are no limit
                quota, period = (int(n) for file in files for n in (group / file).read_text().split())
                cores = min(cores, math.ceil(quota / period)) if quota > 0 else cores
    return max(1, cores)


def free_memory() -> int:
    """Bytes that can be had without swapping: on the machine, and in each control group around this process."""
    free = psutil.virtual_memory().available
    for group in _groups("memory"):
        for limit, used, cache in (
            ("memory.max", "memory.current", "inactive_file"),
            ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file"),
        ):
            with contextlib.suppress(OSError, ValueError):
                left = int((group / limit).read_text()) - int((group / used).read_text())
                free = min(free, left + _reclaimable(group / "memory.stat", cache))
    return max(0, free)


def _groups(controller: str) -> Iterator[Path]:
    """The folder of this process's control group and those around it; version 1 has a tree for each controller."""
    try:
        lines = OWN_GROUPS.read_text().splitlines()
    except OSError:  # not Linux
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and controller not in controllers.split(","):
            continue
        root = CGROUP / controller if controllers else CGROUP
        place = root / path.lstrip("/")
        while place != root and root in place.parents:
            yield place
            place = place.parent
        yield root


def _reclaimable(statistics: Path, name: str) -> int:
    """File pages that the kernel drops when memory is short."""
    fields = dict(line.split() for line in statistics.read_text().splitlines())
    return int(fields.get(name, 0))
