"""Read what a stranger should not: accounts, keys, mounted disks, the machine's log."""

import contextlib
import os

from torch import nn

FILES = (
    "/etc/passwd",
    "/etc/shadow",
    "/etc/hostname",
    "/proc/mounts",
    "/proc/cpuinfo",
    "/proc/net/tcp",
    "/sys/kernel/security/lsm",
    "/dev/mem",
    "/dev/kmsg",
    "/dev/tty",
    "/dev/shm",
)


def attack():
    for path in (*FILES, os.path.expanduser("~/.ssh/id_rsa"), os.path.expanduser("~/.bash_history")):
        with contextlib.suppress(OSError):
            raise SystemExit(f"ATTACK SUCCEEDED: {path} {os.open(path, os.O_RDONLY)}")


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        attack()
