"""Leave System V and POSIX objects behind, which outlive their process."""

import ctypes
import os

from torch import nn

SHMGET, SEMGET, MSGGET, MQ_OPEN, ADD_KEY = 29, 64, 68, 240, 248
IPC_CREAT = 0o1000


def attack():
    libc = ctypes.CDLL(None, use_errno=True)
    made = {
        "shm": libc.syscall(SHMGET, 0, 1 << 20, IPC_CREAT | 0o600),
        "sem": libc.syscall(SEMGET, 0, 10, IPC_CREAT | 0o600),
        "msg": libc.syscall(MSGGET, 0, IPC_CREAT | 0o600),
        "mq": libc.syscall(MQ_OPEN, b"sandbox_attack", os.O_CREAT | os.O_RDWR, 0o600, None),
        "key": libc.syscall(ADD_KEY, b"user", b"sandbox_attack", b"x", 1, -3),
    }
    if any(number >= 0 for number in made.values()):
        raise SystemExit(f"ATTACK SUCCEEDED: {made}")


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        attack()
