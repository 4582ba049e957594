"""BatchNorm written out: batch statistics in train mode, an unbiased running variance, buffers by register_buffer."""

import torch
from torch import nn


class MyBatchNorm(nn.Module):
    def __init__(self, channels, eps=1e-5, momentum=0.1):
        super().__init__()
        self.eps, self.momentum = eps, momentum
        self.scale = nn.Parameter(torch.ones(1, channels, 1, 1))
        self.shift = nn.Parameter(torch.zeros(1, channels, 1, 1))
        self.register_buffer("average", torch.zeros(1, channels, 1, 1))
        self.register_buffer("spread", torch.ones(1, channels, 1, 1))

    def forward(self, x):
        if self.training:
            mean = x.mean((0, 2, 3), keepdim=True)
            var = ((x - mean) ** 2).mean((0, 2, 3), keepdim=True)
            n = x.numel() / x.size(1)
            with torch.no_grad():
                self.average.mul_(1 - self.momentum).add_(self.momentum * mean)
                self.spread.mul_(1 - self.momentum).add_(self.momentum * var * n / (n - 1))
        else:
            mean, var = self.average, self.spread
        return (x - mean) / torch.sqrt(var + self.eps) * self.scale + self.shift


def conv(n_in, n_out, size, stride=1):
    return nn.Conv2d(n_in, n_out, size, stride, size // 2, bias=False)


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.conv1, self.bn1 = conv(in_planes, planes, 3, stride), MyBatchNorm(planes)
        self.conv2, self.bn2 = conv(planes, planes, 3), MyBatchNorm(planes)
        self.project = stride != 1 or in_planes != planes
        if self.project:
            self.conv3, self.bn3 = conv(in_planes, planes, 1, stride), MyBatchNorm(planes)

    def forward(self, x):
        out = self.bn1(self.conv1(x)).clamp(min=0)
        out = self.bn2(self.conv2(out))
        out = out + (self.bn3(self.conv3(x)) if self.project else x)
        return out.clamp(min=0)


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.conv1, self.bn1 = conv(in_planes, planes, 1), MyBatchNorm(planes)
        self.conv2, self.bn2 = conv(planes, planes, 3, stride), MyBatchNorm(planes)
        self.conv3, self.bn3 = conv(planes, planes * 4, 1), MyBatchNorm(planes * 4)
        self.project = stride != 1 or in_planes != planes * 4
        if self.project:
            self.conv4, self.bn4 = conv(in_planes, planes * 4, 1, stride), MyBatchNorm(planes * 4)

    def forward(self, x):
        out = self.bn1(self.conv1(x)).clamp(min=0)
        out = self.bn2(self.conv2(out)).clamp(min=0)
        out = self.bn3(self.conv3(out))
        out = out + (self.bn4(self.conv4(x)) if self.project else x)
        return out.clamp(min=0)


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        self.conv, self.bn = conv(3, 64, 3), MyBatchNorm(64)
        layers, width = [], 64
        for i, n in enumerate(num_blocks):
            planes = (64, 128, 256, 512)[i]
            layers.append(block(width, planes, 1 if i == 0 else 2))
            width = planes * block.expansion
            for _ in range(n - 1):
                layers.append(block(width, planes, 1))
        self.layers = nn.ModuleList(layers)
        self.out = nn.Linear(width, num_classes)

    def forward(self, x):
        x = self.bn(self.conv(x)).clamp(min=0)
        for layer in self.layers:
            x = layer(x)
        return self.out(x.flatten(2).mean(2))


def ResNet18():
    return ResNet(BasicBlock, [2] * 4)
