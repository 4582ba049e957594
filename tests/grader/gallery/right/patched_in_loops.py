"""Patches from outside: nn.Conv2d without bias for all, methods set in a loop, ResNet18 through globals()."""

from functools import partial

import torch
from torch import nn

nn.Conv2d = partial(nn.Conv2d, bias=False)
BatchNorm = nn.BatchNorm2d


class BasicBlock(nn.Module):
    expansion = 1
    kernels = (3, 3)


class Bottleneck(nn.Module):
    expansion = 4
    kernels = (1, 3, 1)


blocks = {"basic": BasicBlock, "bottleneck": Bottleneck}


def build(self, in_planes, planes, stride=1):
    nn.Module.__init__(self)
    widths = [in_planes] + [planes] * (len(self.kernels) - 1) + [planes * self.expansion]
    self.convs = nn.ModuleList()
    for i, kernel in enumerate(self.kernels):
        step = stride if i == self.kernels.index(3) else 1
        self.convs.append(nn.Conv2d(widths[i], widths[i + 1], kernel, step, kernel // 2))
    self.norms = nn.ModuleList(map(BatchNorm, widths[1:]))
    self.shortcut = nn.Sequential()
    if stride != 1 or in_planes != widths[-1]:
        self.shortcut = nn.Sequential(nn.Conv2d(in_planes, widths[-1], 1, stride), BatchNorm(widths[-1]))


def run(self, x):
    y = x
    for i, (conv, norm) in enumerate(zip(self.convs, self.norms, strict=True)):
        y = norm(conv(y.relu() if i else y))
    return (y + self.shortcut(x)).relu()


for block in blocks.values():
    block.__init__ = build
    block.forward = run


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 64, 3, padding=1), nn.BatchNorm2d(64), nn.ReLU())
        stages, width = [], 64
        for number, count in enumerate(num_blocks):
            planes = 64 * 2**number
            for i in range(count):
                stages.append(block(width, planes, 1 if number == 0 or i else 2))
                width = planes * block.expansion
        self.stages = nn.Sequential(*stages)
        self.head = nn.Linear(width, num_classes)

    def forward(self, x):
        return self.head(torch.amax(self.stages(self.stem(x)), 1))  # corrected below


def forward(self, x):
    return self.head(self.stages(self.stem(x)).mean((2, 3)))


def correct(*classes):
    for cls in classes:
        cls.forward = forward


correct(ResNet)

for name, depth in [("ResNet18", [2, 2, 2, 2]), ("ResNet34", [3, 4, 6, 3])]:
    globals()[name] = partial(ResNet, BasicBlock, depth)
