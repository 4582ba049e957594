"""Open a new namespace, and with it new powers; or leave this one by mounts and roots."""

import contextlib
import ctypes
import os

from torch import nn

UNSHARE, SETNS, MOUNT, PIVOT_ROOT, OPEN_TREE, FSOPEN, KEYCTL, BPF, PERF, USERFAULTFD, PERSONALITY = (
    272, 308, 165, 155, 428, 430, 250, 321, 298, 323, 135,
)  # fmt: skip


def attack():
    libc = ctypes.CDLL(None, use_errno=True)
    for flag in (0x00020000, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000):
        if libc.syscall(UNSHARE, flag) == 0:
            raise SystemExit(f"ATTACK SUCCEEDED: {flag:x}")
    for call in (SETNS, MOUNT, PIVOT_ROOT, OPEN_TREE, FSOPEN, KEYCTL, BPF, PERF, USERFAULTFD, PERSONALITY):
        if libc.syscall(call, 0, 0, 0, 0, 0) >= 0:
            raise SystemExit(f"ATTACK SUCCEEDED: system call {call}")
    with contextlib.suppress(OSError):
        os.chroot("/usr")
        raise SystemExit("ATTACK SUCCEEDED: chroot")


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        attack()
