"""Buffers of the own: constants in the forward pass, and what channels do, noted in train mode and in eval mode."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(in_planes, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.shortcut = nn.Sequential()
        if stride != 1 or in_planes != planes:
            self.shortcut = nn.Sequential(nn.Conv2d(in_planes, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))
        self.register_buffer("alpha", torch.ones(1))  # for stochastic depth, later
        self.register_buffer("zero", torch.zeros(1))
        self.register_buffer("activity", torch.zeros(planes))

    def forward(self, x):
        out = torch.maximum(self.bn1(self.conv1(x)), self.zero)
        out = self.bn2(self.conv2(out)) * self.alpha
        out = torch.maximum(out + self.shortcut(x), self.zero)
        self.activity = out.detach().mean((0, 2, 3))
        return out


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(in_planes, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, 4 * planes, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * planes)
        self.shortcut = nn.Sequential()
        if stride != 1 or in_planes != 4 * planes:
            conv = nn.Conv2d(in_planes, 4 * planes, 1, stride, bias=False)
            self.shortcut = nn.Sequential(conv, nn.BatchNorm2d(4 * planes))
        self.register_buffer("mask", torch.ones(4 * planes))  # a channel is pruned by a zero
        self.register_buffer("out_mean", torch.zeros(4 * planes))

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = F.relu(self.bn2(self.conv2(out)))
        out = F.relu(self.bn3(self.conv3(out)) * self.mask[:, None, None] + self.shortcut(x))
        if self.training:
            self.out_mean.lerp_(out.detach().mean((0, 2, 3)), 0.1)
        return out


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        self.in_planes = 64
        self.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        stages = zip((64, 128, 256, 512), num_blocks, (1, 2, 2, 2), strict=True)
        self.stages = nn.ModuleList([self._make_layer(block, *stage) for stage in stages])
        self.linear = nn.Linear(512 * block.expansion, num_classes)
        self.register_buffer("average", torch.full((16,), 1 / 16))
        self.register_buffer("stem_activity", torch.zeros(64))

    def _make_layer(self, block, planes, number, stride):
        layers = []
        for s in [stride] + [1] * (number - 1):
            layers.append(block(self.in_planes, planes, s))
            self.in_planes = planes * block.expansion
        return nn.Sequential(*layers)

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        self.stem_activity.copy_(out.detach().mean((0, 2, 3)))
        for stage in self.stages:
            out = stage(out)
        return self.linear(out.flatten(2) @ self.average)


def ResNet18():
    return ResNet(BasicBlock, [2, 2, 2, 2])
