"""Become root, or somebody else, again."""

import contextlib
import os

from torch import nn


def attack():
    ways = [
        lambda: os.setuid(0),
        lambda: os.setresuid(0, 0, 0),
        lambda: os.setgid(0),
        lambda: os.setgroups([0]),
        lambda: os.seteuid(1),
        lambda: os.setresgid(1, 1, 1),
    ]
    for way in ways:
        with contextlib.suppress(OSError):
            way()
            raise SystemExit(f"ATTACK SUCCEEDED: {os.getresuid()} {os.getresgid()}")


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        attack()
