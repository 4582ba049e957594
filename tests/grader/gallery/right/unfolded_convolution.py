"""Convolutions as a matrix product of unfolded patches, as in a lecture on how they are computed."""

import torch
import torch.nn.functional as F
from torch import nn


class Convolution(nn.Module):
    """What nn.Conv2d without bias computes."""

    def __init__(self, n_in, n_out, size, stride=1):
        super().__init__()
        self.size, self.stride = size, stride
        self.kernel = nn.Parameter(nn.init.kaiming_uniform_(torch.empty(n_out, n_in, size, size)))

    def forward(self, x):
        n, _, h, w = x.shape
        patches = F.unfold(x, self.size, padding=self.size // 2, stride=self.stride)  # (N, C * k * k, L)
        out = self.kernel.flatten(1) @ patches
        return out.view(n, -1, -(-h // self.stride), -(-w // self.stride))


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.first, self.second = Convolution(in_planes, planes, 3, stride), Convolution(planes, planes, 3)
        self.norms = nn.ModuleList(nn.BatchNorm2d(planes) for _ in range(2))
        self.match = None
        if stride != 1 or in_planes != planes:
            self.match = nn.Sequential(Convolution(in_planes, planes, 1, stride), nn.BatchNorm2d(planes))

    def forward(self, x):
        y = self.norms[0](self.first(x))
        y = self.norms[1](self.second(F.relu(y)))
        return F.relu(y + (self.match(x) if self.match else x))


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.reduce, self.expand = Convolution(in_planes, planes, 1), Convolution(planes, 4 * planes, 1)
        self.middle = Convolution(planes, planes, 3, stride)
        self.norms = nn.ModuleList(nn.BatchNorm2d(n * planes) for n in (1, 1, 4))
        self.match = None
        if stride != 1 or in_planes != 4 * planes:
            self.match = nn.Sequential(Convolution(in_planes, 4 * planes, 1, stride), nn.BatchNorm2d(4 * planes))

    def forward(self, x):
        y = F.relu(self.norms[0](self.reduce(x)))
        y = F.relu(self.norms[1](self.middle(y)))
        y = self.norms[2](self.expand(y))
        return F.relu(y + (self.match(x) if self.match else x))
