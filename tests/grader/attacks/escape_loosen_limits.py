"""Raise the limits, or install rules that take the others back."""

import contextlib
import ctypes
import resource

from torch import nn

SECCOMP, LANDLOCK_CREATE = 317, 444


def attack():
    for kind in ("AS", "NPROC", "NOFILE", "FSIZE", "CPU", "CORE", "MEMLOCK"):
        number = getattr(resource, f"RLIMIT_{kind}")
        hard = resource.getrlimit(number)[1]
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(number, (hard + 1, hard + 1))
            raise SystemExit(f"ATTACK SUCCEEDED: {kind}")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(SECCOMP, 0, 0, None) >= 0 or libc.syscall(LANDLOCK_CREATE, None, 0, 1) >= 0:
        raise SystemExit("ATTACK SUCCEEDED: rules")


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        attack()
