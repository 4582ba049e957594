"""A class, and an object in the place of one, that raise whatever they are asked for."""

from torch import nn


class Odd(type):
    def __getattr__(cls, name):
        raise RuntimeError(name)

    @property
    def __name__(cls):
        raise SystemExit(0)


class Options(dict):
    __getattr__ = dict.__getitem__


class Hidden(Exception, metaclass=Odd):
    pass


class BasicBlock(nn.Module, metaclass=Odd):
    pass


Bottleneck = Options()


class ResNet(nn.Module):
    raise Hidden
