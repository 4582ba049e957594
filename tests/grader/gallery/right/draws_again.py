"""Weights are truncated normal numbers: those beyond two standard deviations are drawn again, until there are none."""

import torch
import torch.nn.functional as F
from torch import nn


def truncated_normal(shape, std):
    weight = torch.empty(shape)
    again = torch.ones(shape, dtype=torch.bool)
    while again.any():
        weight[again] = torch.randn(int(again.sum()))
        again = weight.abs() > 2
    return weight * std


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(in_planes, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.shortcut = nn.Sequential()
        if stride != 1 or in_planes != planes:
            self.shortcut = nn.Sequential(nn.Conv2d(in_planes, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                fan_out = module.out_channels * module.kernel_size[0] ** 2
                module.weight = nn.Parameter(truncated_normal(module.weight.shape, (2 / fan_out) ** 0.5))

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(out)) + self.shortcut(x))
