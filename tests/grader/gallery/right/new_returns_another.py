"""A Shortcut whose `__new__` gives an Identity where nothing has to change; a metaclass that checks the expansion."""

import torch
from torch import nn


class Shortcut(nn.Sequential):
    def __new__(cls, n_in, n_out, stride):
        if n_in == n_out and stride == 1:
            return nn.Identity()
        return super().__new__(cls)

    def __init__(self, n_in, n_out, stride):
        super().__init__(nn.Conv2d(n_in, n_out, 1, stride, bias=False), nn.BatchNorm2d(n_out))


class Checked(type):
    def __new__(mcs, name, bases, namespace, **kwargs):
        cls = super().__new__(mcs, name, bases, namespace)
        cls.expansion = kwargs.get("expansion", 1)
        if cls.expansion < 1:
            raise TypeError("expansion must be positive")
        return cls

    def __init__(cls, name, bases, namespace, **kwargs):
        super().__init__(name, bases, namespace)


class Block(nn.Module, metaclass=Checked):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.out_planes = planes * self.expansion
        self.build(in_planes, planes, stride)
        self.shortcut = Shortcut(in_planes, self.out_planes, stride)

    def forward(self, x):
        return torch.relu(self.shortcut(x) + self.residual(x))


class BasicBlock(Block, expansion=1):
    def build(self, in_planes, planes, stride):
        self.conv1 = nn.Conv2d(in_planes, planes, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.norm1, self.norm2 = nn.BatchNorm2d(planes), nn.BatchNorm2d(planes)

    def residual(self, x):
        x = torch.relu(self.norm1(self.conv1(x)))
        return self.norm2(self.conv2(x))


class Bottleneck(Block, expansion=4):
    def build(self, in_planes, planes, stride):
        self.conv1 = nn.Conv2d(in_planes, planes, 1, bias=False)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, 1, bias=False)
        self.conv3 = nn.Conv2d(planes, self.out_planes, 1, bias=False)
        self.norm1, self.norm2 = nn.BatchNorm2d(planes), nn.BatchNorm2d(planes)
        self.norm3 = nn.BatchNorm2d(self.out_planes)

    def residual(self, x):
        x = torch.relu(self.norm1(self.conv1(x)))
        x = torch.relu(self.norm2(self.conv2(x)))
        return self.norm3(self.conv3(x))
