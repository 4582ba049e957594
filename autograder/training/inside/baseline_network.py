"""The baseline network: a ResNet-18 that a training process warms up with, and whose block replaces a wrong one.

Its block is beside student code; the rest is not, see `worker`. What a student's network must compute is defined in the
oracle.
"""

import torch
from torch import Tensor, nn


class BasicBlock(nn.Module):
    """The basic block: relu(F(x) + shortcut(x)), F two 3x3 convolutions with BatchNorm."""

    expansion = 1

    def __init__(self, in_planes: int, planes: int, stride: int = 1, *_: object, **__: object):
        """Further arguments are ignored: a `ResNet` that passes them is charged in q3."""
        super().__init__()
        self.body = nn.Sequential(*_conv(in_planes, planes, 3, stride), nn.ReLU(), *_conv(planes, planes, 3, 1))
        same = stride == 1 and in_planes == planes
        self.shortcut = nn.Sequential() if same else nn.Sequential(*_conv(in_planes, planes, 1, stride))

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_planes, H, W) -> (N, planes, H / stride, W / stride)."""
        return torch.relu(self.body(x) + self.shortcut(x))


def resnet18() -> nn.Module:
    """(N, 3, 32, 32) -> (N, 10); 11,173,962 parameters."""
    blocks, in_planes = [], 64
    for planes in (64, 128, 256, 512):
        blocks += [BasicBlock(in_planes, planes, planes // in_planes), BasicBlock(planes, planes)]
        in_planes = planes
    stem = (*_conv(3, 64, 3, 1), nn.ReLU())
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


def _conv(in_planes: int, out_planes: int, kernel: int, stride: int) -> tuple[nn.Module, nn.Module]:
    return nn.Conv2d(in_planes, out_planes, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(out_planes)
