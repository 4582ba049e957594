"""Blocks hold three lists: of kernels, of gains that start at one half, and of shifts that start at zero."""

import torch
import torch.nn.functional as F
from torch import nn


class Layers(nn.Module):
    """Convolutions and their BatchNorms; `shapes` are (out, in, size)."""

    def __init__(self, *shapes):
        super().__init__()
        self.kernels = nn.ParameterList(nn.init.kaiming_normal_(torch.empty(o, i, k, k)) for o, i, k in shapes)
        self.spread = nn.ParameterList(torch.full((o,), 0.5) for o, _, _ in shapes)
        self.centre = nn.ParameterList(torch.zeros(o) for o, _, _ in shapes)
        self.statistics = nn.ModuleList(nn.BatchNorm2d(o, affine=False) for o, _, _ in shapes)

    def forward(self, index, x, stride=1):
        kernel = self.kernels[index]
        x = self.statistics[index](F.conv2d(x, kernel, stride=stride, padding=kernel.shape[-1] // 2))
        return x * self.spread[index].view(-1, 1, 1) + self.centre[index].view(-1, 1, 1)


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.stride = stride
        self.projects = stride != 1 or in_planes != planes
        shortcut = [(planes, in_planes, 1)] if self.projects else []
        self.layer = Layers((planes, in_planes, 3), (planes, planes, 3), *shortcut)

    def forward(self, x):
        out = F.relu(self.layer(0, x, self.stride))
        out = self.layer(1, out)
        return F.relu(out + (self.layer(2, x, self.stride) if self.projects else x))


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.stride = stride
        wide = 4 * planes
        self.projects = stride != 1 or in_planes != wide
        shortcut = [(wide, in_planes, 1)] if self.projects else []
        self.layer = Layers((planes, in_planes, 1), (planes, planes, 3), (wide, planes, 1), *shortcut)

    def forward(self, x):
        out = F.relu(self.layer(0, x))
        out = F.relu(self.layer(1, out, self.stride))
        out = self.layer(2, out)
        return F.relu(out + (self.layer(3, x, self.stride) if self.projects else x))
