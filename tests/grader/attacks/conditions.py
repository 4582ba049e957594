"""Run a command as on another machine: as an ordinary user, in a container, on an older kernel.

    python -m tests.grader.attacks.conditions container -- python -m pytest ...

Needs root, which it gives up, wholly or in part.
"""

import contextlib
import ctypes
import errno
import os
import platform
import struct
import sys
import tempfile
from pathlib import Path

from autograder.sandbox import linux, seccomp

NOBODY = 65534
DOCKER_CAPABILITIES = 0xA80425FB  # what a container of Docker's has unless told otherwise
PR_CAPBSET_DROP = 24
CLONE_NEWNS, MS_BIND, MS_REC, MS_PRIVATE = 0x00020000, 0x1000, 0x4000, 0x40000
CANNOT = "this Python lies where only root can read it, and cannot be shown to others here"
"""Said, with exit status 77, where an ordinary user has no Python to run."""

# Calls by number on (x86_64, aarch64), from 424 on the same.
UNSHARE, SETNS, MOUNT, UMOUNT = (272, 97), (308, 268), (165, 40), (166, 39)
BPF, PERF_EVENT_OPEN, USERFAULTFD, KEYCTL = (321, 280), (298, 241), (323, 282), (250, 219)
OPEN_TREE, MOVE_MOUNT, FSOPEN = (428, 428), (429, 429), (430, 430)
CLONE3 = 435  # "no such call", so that the C library starts threads with the older one
LANDLOCK = tuple((number, number) for number in (444, 445, 446))
DENIED_BY_DOCKER = (
    *(UNSHARE, SETNS, MOUNT, UMOUNT, BPF, PERF_EVENT_OPEN),
    *(USERFAULTFD, KEYCTL, OPEN_TREE, MOVE_MOUNT, FSOPEN),
)


def ordinary_user() -> None:
    """A user without rights, as on a Slurm cluster."""
    try:
        open_the_way_to(Path(sys.base_prefix).resolve())
    except OSError as error:
        print(f"{CANNOT}: {error}", file=sys.stderr)
        sys.exit(77)
    os.environ["HOME"] = "/nonexistent"
    os.setgroups([])
    os.setresgid(NOBODY, NOBODY, NOBODY)
    os.setresuid(NOBODY, NOBODY, NOBODY)


def container() -> None:
    """Root in a Docker container: fewer capabilities, and the default seccomp profile (its refusals that matter)."""
    deny(DENIED_BY_DOCKER)
    keep_capabilities(DOCKER_CAPABILITIES)


def old_container() -> None:
    """The same on a kernel without Landlock."""
    deny((*DENIED_BY_DOCKER, *LANDLOCK))
    keep_capabilities(DOCKER_CAPABILITIES)


def old_machine() -> None:
    """An ordinary user on a kernel without Landlock: too little for a sandbox."""
    deny(LANDLOCK)
    ordinary_user()


CONDITIONS = {function.__name__: function for function in (ordinary_user, container, old_container, old_machine)}


def open_the_way_to(place: Path) -> None:
    """Make a folder reachable for everybody, to this process and all that it starts and to nobody else.

    A Python in a home that only root can enter is shown alone there, in mounts of our own; nothing on disk changes.
    """
    closed = next((folder for folder in reversed(place.parents) if not folder.stat().st_mode & 0o001), None)
    if closed is None:
        return
    linux.unshare(CLONE_NEWNS)
    mount("none", "/", "", MS_REC | MS_PRIVATE)
    keep = tempfile.mkdtemp(dir="/tmp")
    try:
        mount(str(place), keep, "", MS_BIND | MS_REC)
        mount("none", str(closed), "tmpfs", 0, "mode=755")
        place.mkdir(parents=True)
        mount(keep, str(place), "", MS_BIND | MS_REC)
    finally:
        libc.umount2(keep.encode(), 2)
        with contextlib.suppress(OSError):
            os.rmdir(keep)


libc = ctypes.CDLL(None, use_errno=True)


def mount(source: str, target: str, kind: str, flags: int, data: str = "") -> None:
    """`mount(2)`."""
    if libc.mount(source.encode(), target.encode(), kind.encode(), ctypes.c_ulong(flags), data.encode()):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number), target)


def deny(calls: tuple[tuple[int, int], ...]) -> None:
    """Have the kernel refuse these calls, to this process and all that it starts."""
    column = ("x86_64", "aarch64").index(platform.machine())
    refusals = [(numbers[column], errno.EPERM) for numbers in calls] + [(CLONE3, errno.ENOSYS)]
    lines = [(0x20, 0, 0, 0)]
    for number, error in refusals:
        lines += [(0x15, 0, 1, number), (0x06, 0, 0, 0x00050000 | error)]
    code = b"".join(struct.pack("=HBBI", *line) for line in [*lines, (0x06, 0, 0, 0x7FFF0000)])
    seccomp.apply(code)


def keep_capabilities(mask: int) -> None:
    """Drop every capability that is not in the mask, for the program that is started next."""
    for number in range(41):
        if not mask >> number & 1:
            linux.prctl(PR_CAPBSET_DROP, number)


if __name__ == "__main__":
    if len(sys.argv) < 4 or sys.argv[1] not in CONDITIONS or sys.argv[2] != "--":
        sys.exit(f"usage: python -m tests.grader.attacks.conditions {'|'.join(CONDITIONS)} -- COMMAND ...")
    CONDITIONS[sys.argv[1]]()
    os.execvp(sys.argv[3], sys.argv[3:])
