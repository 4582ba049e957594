"""Raise an exception whose every part misbehaves when somebody looks at it."""

from torch import nn


class Meta(type):
    @property
    def __name__(cls):
        raise SystemExit(0)


class Hostile(Exception, metaclass=Meta):
    def __str__(self):
        raise KeyboardInterrupt

    __repr__ = __str__


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        raise Hostile
