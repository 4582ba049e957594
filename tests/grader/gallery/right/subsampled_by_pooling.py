"""Strides by other means: a 1x1 max-pool in front of the shortcut's convolution, [::s] behind a 3x3 of stride 1."""

import torch
from torch import nn


class Subsample(nn.Module):
    """Keep every stride-th row and column."""

    def __init__(self, stride):
        super().__init__()
        self.stride = stride

    def forward(self, x):
        return x[:, :, :: self.stride, :: self.stride]


def projection(n_in, n_out, stride):
    return nn.Sequential(
        nn.MaxPool2d(kernel_size=1, stride=stride), nn.Conv2d(n_in, n_out, 1, bias=False), nn.BatchNorm2d(n_out)
    )


def conv3x3(n_in, n_out, stride=1):
    layers = [nn.Conv2d(n_in, n_out, 3, padding=1, bias=False), Subsample(stride), nn.BatchNorm2d(n_out)]
    return nn.Sequential(*layers)


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.a = conv3x3(in_planes, planes, stride)
        self.b = conv3x3(planes, planes)
        self.p = projection(in_planes, planes, stride) if stride != 1 or in_planes != planes else nn.Identity()

    def forward(self, x):
        return torch.relu(self.b(torch.relu(self.a(x))) + self.p(x))


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        out = 4 * planes
        self.a = nn.Sequential(nn.Conv2d(in_planes, planes, 1, bias=False), nn.BatchNorm2d(planes))
        self.b = conv3x3(planes, planes, stride)
        self.c = nn.Sequential(nn.Conv2d(planes, out, 1, bias=False), nn.BatchNorm2d(out))
        self.p = projection(in_planes, out, stride) if stride != 1 or in_planes != out else nn.Identity()

    def forward(self, x):
        return torch.relu(self.c(torch.relu(self.b(torch.relu(self.a(x))))) + self.p(x))
