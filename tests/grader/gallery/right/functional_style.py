"""Functional style: parameters and buffers by hand, F.conv2d and F.batch_norm in forward."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F


class ConvNorm(nn.Module):
    """A convolution without bias and a batch normalisation, both spelled out."""

    def __init__(self, n_in, n_out, size, stride=1):
        super().__init__()
        self.stride, self.padding = stride, size // 2
        self.kernel = nn.Parameter(torch.empty(n_out, n_in, size, size))
        nn.init.normal_(self.kernel, std=math.sqrt(2 / (n_out * size * size)))
        self.gain = nn.Parameter(torch.ones(n_out))
        self.shift = nn.Parameter(torch.zeros(n_out))
        self.register_buffer("mean", torch.zeros(n_out))
        self.register_buffer("var", torch.ones(n_out))

    def forward(self, x):
        y = F.conv2d(x, self.kernel, None, self.stride, self.padding)
        return F.batch_norm(y, self.mean, self.var, self.gain, self.shift, self.training, 0.1, 1e-5)


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.a = ConvNorm(in_planes, planes, 3, stride)
        self.b = ConvNorm(planes, planes, 3)
        self.match = ConvNorm(in_planes, planes, 1, stride) if stride != 1 or in_planes != planes else None

    def forward(self, x):
        residual = self.b(F.relu(self.a(x)))
        return F.relu(residual + (x if self.match is None else self.match(x)))


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        wide = self.expansion * planes
        self.squeeze = ConvNorm(in_planes, planes, 1)
        self.process = ConvNorm(planes, planes, 3, stride)
        self.expand = ConvNorm(planes, wide, 1)
        self.match = ConvNorm(in_planes, wide, 1, stride) if stride != 1 or in_planes != wide else None

    def forward(self, x):
        residual = self.expand(F.relu(self.process(F.relu(self.squeeze(x)))))
        return F.relu(residual + (x if self.match is None else self.match(x)))


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        self.stem = ConvNorm(3, 64, 3)
        self.blocks = nn.ModuleList()
        width = 64
        for stage, count in enumerate(num_blocks):
            for i in range(count):
                planes = 64 << stage
                self.blocks.append(block(width, planes, 2 if stage > 0 and i == 0 else 1))
                width = planes * block.expansion
        self.weight = nn.Parameter(torch.randn(num_classes, width) / math.sqrt(width))
        self.bias = nn.Parameter(torch.zeros(num_classes))

    def forward(self, x):
        x = F.relu(self.stem(x))
        for block in self.blocks:
            x = block(x)
        return F.linear(x.mean(dim=(2, 3)), self.weight, self.bias)


def ResNet18():
    return ResNet(BasicBlock, [2, 2, 2, 2])
