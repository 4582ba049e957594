"""Subclasses of nn.Conv2d and nn.BatchNorm2d carry the defaults and the initialisation."""

import torch
from torch import nn


class Conv(nn.Conv2d):
    """No bias, padding that keeps the size, He initialisation."""

    def __init__(self, n_in, n_out, kernel_size=3, stride=1):
        super().__init__(n_in, n_out, kernel_size, stride=stride, padding=(kernel_size - 1) // 2, bias=False)

    def reset_parameters(self):
        nn.init.kaiming_normal_(self.weight, mode="fan_out", nonlinearity="relu")


class Norm(nn.BatchNorm2d):
    """BatchNorm that can apply the ReLU itself."""

    def __init__(self, planes, relu=False):
        super().__init__(planes)
        self.relu = relu

    def forward(self, x):
        y = super().forward(x)
        return torch.relu_(y) if self.relu else y


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        if stride == 1 and in_planes == planes:
            self.shortcut = nn.Identity()
        else:
            self.shortcut = nn.Sequential(Conv(in_planes, planes, 1, stride), Norm(planes))
        self.residual = nn.Sequential(Conv(in_planes, planes, 3, stride), Norm(planes, True), Conv(planes, planes))
        self.norm = Norm(planes)

    def forward(self, x):
        return torch.relu_(self.norm(self.residual(x)).add_(self.shortcut(x)))


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        wide = planes * self.expansion
        if stride == 1 and in_planes == wide:
            self.shortcut = nn.Identity()
        else:
            self.shortcut = nn.Sequential(Conv(in_planes, wide, 1, stride), Norm(wide))
        self.residual = nn.Sequential(
            Conv(in_planes, planes, 1), Norm(planes, True), Conv(planes, planes, 3, stride), Norm(planes, True)
        )
        self.residual.append(Conv(planes, wide, 1))
        self.norm = Norm(wide)

    def forward(self, x):
        return torch.relu_(self.norm(self.residual(x)).add_(self.shortcut(x)))
