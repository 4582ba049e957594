"""An own BatchNorm with free names whose gain starts at zero in the last layer of each block."""

import torch
import torch.nn.functional as F
from torch import nn


class Normalise(nn.Module):
    def __init__(self, planes, start=1.0):
        super().__init__()
        self.gain = nn.Parameter(torch.full((planes,), start))
        self.offset = nn.Parameter(torch.zeros(planes))
        self.register_buffer("mu", torch.zeros(planes))
        self.register_buffer("sigma2", torch.ones(planes))

    def forward(self, x):
        return F.batch_norm(x, self.mu, self.sigma2, self.gain, self.offset, self.training)


def conv(n_in, n_out, size, stride=1):
    return nn.Conv2d(n_in, n_out, size, stride, size // 2, bias=False)


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.f = nn.Sequential(
            *(conv(in_planes, planes, 3, stride), Normalise(planes), nn.ReLU()),
            *(conv(planes, planes, 3), Normalise(planes, 0.0)),
        )
        same = stride == 1 and in_planes == planes
        self.s = nn.Identity() if same else nn.Sequential(conv(in_planes, planes, 1, stride), Normalise(planes))

    def forward(self, x):
        return F.relu(self.f(x) + self.s(x))


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        wide = 4 * planes
        self.f = nn.Sequential(
            *(conv(in_planes, planes, 1), Normalise(planes), nn.ReLU()),
            *(conv(planes, planes, 3, stride), Normalise(planes), nn.ReLU()),
            *(conv(planes, wide, 1), Normalise(wide, 0.0)),
        )
        same = stride == 1 and in_planes == wide
        self.s = nn.Identity() if same else nn.Sequential(conv(in_planes, wide, 1, stride), Normalise(wide))

    def forward(self, x):
        return F.relu(self.f(x) + self.s(x))
