"""Own BatchNorms as in DCGAN: gains drawn around one; in Bottleneck, the shift is defined beside the kernel."""

import torch
import torch.nn.functional as F
from torch import nn


class ConvNorm(nn.Module):
    """A convolution and its BatchNorm, with tensors of its own."""

    def __init__(self, n_in, n_out, size, stride=1, momentum=0.1, eps=1e-5):
        super().__init__()
        self.stride, self.padding, self.momentum, self.eps = stride, size // 2, momentum, eps
        self.kernel = nn.Parameter(torch.empty(n_out, n_in, size, size))
        self.g = nn.Parameter(torch.empty(n_out))
        self.h = nn.Parameter(torch.zeros(n_out))
        self.register_buffer("mu", torch.zeros(n_out))
        self.register_buffer("sigma2", torch.ones(n_out))
        nn.init.normal_(self.kernel, 0.0, 0.02)
        nn.init.normal_(self.g, 1.0, 0.02)

    def forward(self, x):
        x = F.conv2d(x, self.kernel, stride=self.stride, padding=self.padding)
        return F.batch_norm(x, self.mu, self.sigma2, self.g, self.h, self.training, self.momentum, self.eps)


class ShiftedConv(nn.Module):
    """A kernel, and the shift that follows the normalisation and the gain."""

    def __init__(self, n_in, n_out, size, stride=1):
        super().__init__()
        self.stride, self.padding = stride, size // 2
        self.weight = nn.Parameter(torch.empty(n_out, n_in, size, size))
        self.bias = nn.Parameter(torch.zeros(n_out))
        nn.init.normal_(self.weight, 0.0, 0.02)
        self.normalise = nn.BatchNorm2d(n_out, affine=False)
        self.gains = nn.ParameterList([torch.empty(n_out, 1, 1).normal_(1.0, 0.02)])

    def forward(self, x):
        x = F.conv2d(x, self.weight, stride=self.stride, padding=self.padding)
        return self.normalise(x) * self.gains[0] + self.bias[:, None, None]


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        same = stride == 1 and in_planes == planes
        self.first = ConvNorm(in_planes, planes, 3, stride)
        self.second = ConvNorm(planes, planes, 3)
        self.shortcut = nn.Identity() if same else ConvNorm(in_planes, planes, 1, stride)

    def forward(self, x):
        return F.relu(self.second(F.relu(self.first(x))) + self.shortcut(x))


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        wide = planes * self.expansion
        same = stride == 1 and in_planes == wide
        self.squeeze = ShiftedConv(in_planes, planes, 1)
        self.middle = ShiftedConv(planes, planes, 3, stride)
        self.expand = ShiftedConv(planes, wide, 1)
        self.shortcut = nn.Identity() if same else ShiftedConv(in_planes, wide, 1, stride)

    def forward(self, x):
        out = F.relu(self.middle(F.relu(self.squeeze(x))))
        return F.relu(self.expand(out) + self.shortcut(x))
