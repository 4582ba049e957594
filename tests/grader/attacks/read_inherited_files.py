"""Look for files that were left open."""

import contextlib
import os
import stat

from torch import nn


def attack():
    found = []
    for number in range(3, 1024):
        with contextlib.suppress(OSError):
            mode = os.fstat(number).st_mode
            if not stat.S_ISSOCK(mode):
                found.append((number, oct(mode)))
    sockets = [n for n in range(3, 1024) if is_socket(n)]
    if found or len(sockets) > 1:
        raise SystemExit(f"ATTACK SUCCEEDED: {found} {sockets}")


def is_socket(number):
    try:
        return stat.S_ISSOCK(os.fstat(number).st_mode)
    except OSError:
        return False


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        attack()
