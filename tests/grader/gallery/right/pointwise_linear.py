"""A 1x1 convolution is a linear layer at every pixel: nn.Linear on channels-last, einsum for the shortcut."""

import math

import torch
import torch.nn.functional as F
from torch import nn


class Pointwise(nn.Module):
    """A linear map of the channels, the same at every stride-th pixel."""

    def __init__(self, n_in, n_out):
        super().__init__()
        self.linear = nn.Linear(n_in, n_out, bias=False)

    def forward(self, x):
        return self.linear(x.movedim(1, -1)).movedim(-1, 1)


class Shortcut(nn.Module):
    def __init__(self, n_in, n_out, stride):
        super().__init__()
        self.stride = stride
        self.matrix = nn.Parameter(torch.randn(n_out, n_in) / math.sqrt(n_in))
        self.norm = nn.BatchNorm2d(n_out)

    def forward(self, x):
        x = x[..., :: self.stride, :: self.stride]
        return self.norm(torch.einsum("oi,nihw->nohw", self.matrix, x))


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.skip = Shortcut(in_planes, planes, stride) if stride > 1 or in_planes != planes else nn.Identity()
        self.conv1 = nn.Conv2d(in_planes, planes, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.norm1, self.norm2 = nn.BatchNorm2d(planes), nn.BatchNorm2d(planes)

    def forward(self, x):
        y = F.relu(self.norm1(self.conv1(x)))
        return F.relu(self.norm2(self.conv2(y)) + self.skip(x))


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        wide = planes * self.expansion
        self.skip = Shortcut(in_planes, wide, stride) if stride > 1 or in_planes != wide else nn.Identity()
        self.squeeze, self.expand = Pointwise(in_planes, planes), Pointwise(planes, wide)
        self.process = nn.Conv2d(planes, planes, 3, stride, 1, bias=False)
        self.norm1, self.norm2, self.norm3 = nn.BatchNorm2d(planes), nn.BatchNorm2d(planes), nn.BatchNorm2d(wide)

    def forward(self, x):
        y = F.relu(self.norm1(self.squeeze(x)))
        y = F.relu(self.norm2(self.process(y)))
        return F.relu(self.norm3(self.expand(y)) + self.skip(x))
