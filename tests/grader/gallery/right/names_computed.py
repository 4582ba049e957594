"""Constants are set in ways that show only when they run: computed names, `vars`, functions of a library."""

import operator
from argparse import Namespace
from collections import deque

import torch
import torch.nn as nn
import torch.nn.functional as F

for stage, planes in enumerate((64, 128, 256, 512), start=1):
    globals()[f"PLANES_{stage}"] = planes

config = Namespace(classes=1000, expansion=2)
vars(config).update(classes=10)
setattr(config, "expan" + "sion", 4)

strides = deque([2, 2, 2, 1])
strides.rotate(1)
kernels = []
operator.iadd(kernels, [1, 3, 1])
padding = torch.zeros(3, dtype=torch.long)
padding[1:2].add_(1)


class Bottleneck(nn.Module):
    expansion = config.expansion

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        widths = [in_planes, planes, planes, self.expansion * planes]
        layers = []
        for i, kernel in enumerate(kernels):
            step = stride if kernel == 3 else 1
            layers += [nn.Conv2d(widths[i], widths[i + 1], kernel, step, int(padding[i]), bias=False)]
            layers += [nn.BatchNorm2d(widths[i + 1]), nn.ReLU()]
        self.body = nn.Sequential(*layers[:-1])
        self.shortcut = nn.Sequential()
        if stride != 1 or in_planes != widths[-1]:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_planes, widths[-1], 1, stride, bias=False), nn.BatchNorm2d(widths[-1])
            )

    def forward(self, x):
        return F.relu(self.body(x) + self.shortcut(x))


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=config.classes):
        super().__init__()
        self.conv1 = nn.Conv2d(3, PLANES_1, 3, padding=1, bias=False)  # noqa: F821 - set by name
        self.bn1 = nn.BatchNorm2d(PLANES_1)  # noqa: F821
        in_planes, blocks = PLANES_1, []  # noqa: F821
        for stage, count in enumerate(num_blocks, start=1):
            planes = globals()[f"PLANES_{stage}"]
            for i in range(count):
                blocks.append(block(in_planes, planes, strides[stage - 1] if i == 0 else 1))
                in_planes = planes * block.expansion
        self.blocks = nn.Sequential(*blocks)
        self.linear = nn.Linear(in_planes, num_classes)

    def forward(self, x):
        out = self.blocks(F.relu(self.bn1(self.conv1(x))))
        return self.linear(out.mean((2, 3)))
