"""Confine a training process in two steps, because CUDA starts threads before any student code runs.

Landlock restricts a thread and those that it starts later, not those that exist. So it comes first, while there is one
thread, and allows what the driver needs to start: its devices, reading `/proc` and `/sys`, and writing the names of
the process's own threads (drivers from 570 on treat a refusal as a fatal error). The other layers apply to every
thread: the C library changes the uid of all of them, which drops their capabilities; the seccomp filter is installed
for all at once. Of other processes, Landlock denies memory, environment and open files, as it denies ptrace; their
command lines and states can be read.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from autograder.sandbox import landlock, linux, seccomp
from autograder.sandbox.confine import (
    Plan,
    WorkerIdentity,
    available_layers,
    become,
    choose_identity,
    enter_namespaces,
    make_plan,
)
from autograder.sandbox.limits import TrainingLimits
from autograder.sandbox.reachable import provide_python
from autograder.sandbox.zygote import readable_paths

_DRIVER_READS = (
    *("/proc", "/sys", "/etc/nvidia", "/usr/share/nvidia", "/usr/local/nvidia", "/usr/local/cuda"),
    *("/dev/zero", "/dev/urandom"),
)
_DRIVER_DEVICES = ("nvidia[0-9]*", "nvidiactl", "nvidia-uvm", "nvidia-uvm-tools", "nvidia-caps", "null")


@dataclass(frozen=True)
class Stage:
    """What `prepare` opened for the two steps."""

    plan: Plan
    identity: WorkerIdentity
    gpu: bool


def prepare(project: Path, limits: TrainingLimits, gpu: bool) -> Stage:
    """Open what the confinement needs; enter namespaces. The process must have one thread.

    There is no limit on the address space: the grader watches the resident size instead.

    Raises:
        RuntimeError: it has several, or the kernel cannot confine a process that uses a GPU.
    """
    if (threads := linux.thread_count()) != 1:
        raise RuntimeError(f"a process with {threads} threads cannot be confined")
    layers = available_layers()
    if gpu and "landlock" not in layers:
        raise RuntimeError("training on a GPU takes Landlock here (Linux 5.13, listed in /sys/kernel/security/lsm)")
    if enter_namespaces():
        layers = (*layers, "namespaces")
    readable = _readable(project, gpu)
    provide_python(layers, readable)
    plan = make_plan(layers, readable, driver_files() if gpu else ())
    return Stage(plan, choose_identity(plan, limits, None), gpu)


def give_up_files(stage: Stage) -> None:
    """The first step: Landlock, for this thread and all that it will start."""
    linux.prctl(linux.PR_SET_NO_NEW_PRIVS, 1)
    if "uid" not in stage.plan.layers:
        linux.drop_capabilities()  # a change of uid would drop them for all threads later
    if "landlock" in stage.plan.layers:
        landlock.restrict_self(stage.plan.ruleset)


def give_up_rights(stage: Stage, parent: int) -> tuple[str, ...]:
    """The second step, for all threads; returns the layers that confine the process now."""
    become(stage.identity, stage.plan, parent)
    for number in stage.plan.descriptors:
        os.close(number)
    if "seccomp" in stage.plan.layers:
        seccomp.install(stage.gpu)
    return stage.plan.layers


def driver_files() -> list[Path]:
    """Files that NVIDIA's driver opens for writing: its devices, and the names of this process's threads."""
    devices = [path for pattern in _DRIVER_DEVICES for path in sorted(Path("/dev").glob(pattern))]
    return [*devices, Path("/proc/self/task").resolve()]


def _readable(project: Path, gpu: bool) -> list[Path]:
    extra = [Path(name) for name in _DRIVER_READS] if gpu else []
    return [*readable_paths(project), *(path for path in extra if path.exists())]
