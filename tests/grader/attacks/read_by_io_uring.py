"""Ask the kernel to read by a queue that file rules may not cover."""

import ctypes

from torch import nn

IO_URING_SETUP, IO_SETUP, OPEN_BY_HANDLE, OPENAT2 = 425, 206, 304, 437


def attack():
    libc = ctypes.CDLL(None, use_errno=True)
    parameters = ctypes.create_string_buffer(256)
    for call in (IO_URING_SETUP, IO_SETUP, OPEN_BY_HANDLE, OPENAT2):
        if libc.syscall(call, 8, parameters, parameters, 64) >= 0:
            raise SystemExit(f"ATTACK SUCCEEDED: {call}")


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        attack()
