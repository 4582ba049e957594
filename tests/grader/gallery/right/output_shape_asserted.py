"""Blocks assert that stride 2 halves height and width, and so take only images whose sides it divides."""

import torch.nn as nn


def conv_bn(in_planes, planes, kernel_size, stride=1):
    conv = nn.Conv2d(in_planes, planes, kernel_size, stride, kernel_size // 2, bias=False)
    return nn.Sequential(conv, nn.BatchNorm2d(planes))


class Residual(nn.Module):
    def __init__(self, residual, in_planes, out_planes, stride):
        super().__init__()
        self.stride, self.out_planes = stride, out_planes
        self.residual = residual
        same = stride == 1 and in_planes == out_planes
        self.shortcut = nn.Identity() if same else conv_bn(in_planes, out_planes, 1, stride)

    def forward(self, x):
        images, _, height, width = x.shape
        out = self.residual(x).add(self.shortcut(x)).relu()
        assert out.shape == (images, self.out_planes, height // self.stride, width // self.stride), out.shape
        return out


class BasicBlock(Residual):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        residual = nn.Sequential(conv_bn(in_planes, planes, 3, stride), nn.ReLU(), conv_bn(planes, planes, 3))
        super().__init__(residual, in_planes, planes, stride)


class Bottleneck(Residual):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        narrow = [conv_bn(in_planes, planes, 1), nn.ReLU(), conv_bn(planes, planes, 3, stride), nn.ReLU()]
        super().__init__(nn.Sequential(*narrow, conv_bn(planes, 4 * planes, 1)), in_planes, 4 * planes, stride)
