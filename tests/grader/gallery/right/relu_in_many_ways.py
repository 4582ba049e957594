"""Every ReLU is written differently: x * (x > 0), torch.maximum, torch.where, clamp, F.threshold, (x + |x|) / 2."""

import torch
import torch.nn as nn
import torch.nn.functional as F


def by_mask(x):
    return x * (x > 0)


def by_maximum(x):
    return torch.maximum(x, torch.zeros_like(x))


def by_where(x):
    return torch.where(x > 0, x, 0.0)


def by_absolute_value(x):
    return (x + x.abs()) / 2


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(in_planes, planes, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn1, self.bn2 = nn.BatchNorm2d(planes), nn.BatchNorm2d(planes)
        self.shortcut = None
        if stride != 1 or in_planes != planes:
            self.shortcut = nn.Sequential(nn.Conv2d(in_planes, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))

    def forward(self, x):
        y = self.bn2(self.conv2(by_mask(self.bn1(self.conv1(x)))))
        y = torch.add(y, x if self.shortcut is None else self.shortcut(x))
        return by_maximum(y)


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(in_planes, planes, 1, bias=False)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, 1, bias=False)
        self.conv3 = nn.Conv2d(planes, planes * 4, 1, bias=False)
        self.bn1, self.bn2, self.bn3 = map(nn.BatchNorm2d, (planes, planes, planes * 4))
        self.shortcut = None
        if stride != 1 or in_planes != planes * 4:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_planes, planes * 4, 1, stride, bias=False), nn.BatchNorm2d(planes * 4)
            )

    def forward(self, x):
        y = by_where(self.bn1(self.conv1(x)))
        y = F.threshold(self.bn2(self.conv2(y)), 0.0, 0.0)
        y = sum([self.bn3(self.conv3(y)), x if self.shortcut is None else self.shortcut(x)])
        return by_absolute_value(y)
