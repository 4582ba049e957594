"""Run a command as on another machine: as an ordinary user, in a container, on an older kernel.

    python -m tests.grader.attacks.conditions container -- python -m pytest ...

Needs root, which it gives up, wholly or in part.
"""

import errno
import os
import platform
import struct
import sys

from autograder.sandbox import linux, seccomp

NOBODY = 65534
DOCKER_CAPABILITIES = 0xA80425FB  # what a container of Docker's has unless told otherwise
PR_CAPBSET_DROP = 24

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
