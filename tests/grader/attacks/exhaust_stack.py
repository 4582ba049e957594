"""Recurse until the stack is gone, in Python and in C."""

import sys

from torch import nn


def deeper(n):
    return repr([deeper(n + 1)])


def nested():
    value = []
    for _ in range(1_000_000):
        value = [value]
    return value


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        sys.setrecursionlimit(2**31 - 1)

    def forward(self, x):
        return deeper(0)

    def state_dict(self, *args, **kwargs):
        return repr(nested())
