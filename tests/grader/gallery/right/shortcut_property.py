"""The shortcut is a property: the projection's layers, or a lambda that returns its input."""

import torch
from torch import nn


class Skipping(nn.Module):
    """What gives a block its shortcut, its class method `make` and its last step."""

    @property
    def shortcut(self):
        return self.projection or (lambda x: x)

    @classmethod
    def width(cls, planes):
        return planes * cls.expansion

    def project(self, in_planes, planes, stride):
        self.projection = None
        if stride != 1 or in_planes != self.width(planes):
            out = self.width(planes)
            self.projection = nn.Sequential(nn.Conv2d(in_planes, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def finish(self, x, residual):
        return torch.relu(torch.stack([self.shortcut(x), residual]).sum(dim=0))


class BasicBlock(Skipping):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.relu = nn.ReLU()
        self.residual = nn.Sequential(
            nn.Conv2d(in_planes, planes, 3, stride, 1, bias=False),
            nn.BatchNorm2d(planes),
            self.relu,
            nn.Conv2d(planes, planes, 3, 1, 1, bias=False),
            nn.BatchNorm2d(planes),
        )
        self.project(in_planes, planes, stride)

    def forward(self, x):
        return self.finish(x, self.residual(x))


class Bottleneck(Skipping):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.relu = nn.ReLU()
        self.residual = nn.Sequential(
            nn.Conv2d(in_planes, planes, 1, bias=False),
            nn.BatchNorm2d(planes),
            self.relu,
            nn.Conv2d(planes, planes, 3, stride, 1, bias=False),
            nn.BatchNorm2d(planes),
            self.relu,
            nn.Conv2d(planes, self.width(planes), 1, bias=False),
            nn.BatchNorm2d(self.width(planes)),
        )
        self.project(in_planes, planes, stride)

    def forward(self, x):
        return self.finish(x, self.residual(x))
