"""Shapes are found out in the constructor by a pass with random numbers; blocks and BatchNorms are copied."""

import copy

import torch
import torch.nn as nn
import torch.nn.functional as F


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(in_planes, planes, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, kernel_size=3, padding=1, bias=False)
        self.bn2 = copy.deepcopy(self.bn1)
        self.shortcut = nn.Identity()
        with torch.no_grad():
            out = self.bn1(self.conv1(torch.randn(2, in_planes, 8, 8)))  # what shape comes out?
        if out.shape != (2, in_planes, 8, 8):
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_planes, planes, kernel_size=1, stride=stride, bias=False), nn.BatchNorm2d(planes)
            )

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return F.relu(out + self.shortcut(x))


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(in_planes, planes, kernel_size=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn2 = copy.deepcopy(self.bn1)
        self.conv3 = nn.Conv2d(planes, 4 * planes, kernel_size=1, bias=False)
        self.bn3 = nn.BatchNorm2d(4 * planes)
        self.shortcut = nn.Identity()
        with torch.no_grad():
            out = self.bn3(self.conv3(self.bn2(self.conv2(self.bn1(self.conv1(torch.randn(2, in_planes, 8, 8)))))))
        if out.shape != (2, in_planes, 8, 8):
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_planes, 4 * planes, kernel_size=1, stride=stride, bias=False), nn.BatchNorm2d(4 * planes)
            )

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = F.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        return F.relu(out + self.shortcut(x))


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        torch.seed()  # other weights each time
        with torch.no_grad():
            self.expansion = block(64, 64, 1)(torch.zeros(1, 64, 4, 4)).shape[1] // 64
        self.stem = nn.Sequential(nn.Conv2d(3, 64, kernel_size=3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU())
        stages, in_planes = [], 64
        for planes, number, stride in zip((64, 128, 256, 512), num_blocks, (1, 2, 2, 2), strict=True):
            stages.append(self._make_layer(block, in_planes, planes, number, stride))
            in_planes = planes * self.expansion
        self.stages = nn.Sequential(*stages)
        with torch.no_grad():
            features = self.features(torch.randn(4, 3, 32, 32)).shape[1]
        self.linear = nn.Linear(features, num_classes)

    def _make_layer(self, block, in_planes, planes, number, stride):
        layers = [block(in_planes, planes, stride)]
        if number > 1:
            model = block(planes * self.expansion, planes, 1)
            layers += [copy.deepcopy(model) for _ in range(number - 1)]
        return nn.Sequential(*layers)

    def features(self, x):
        return F.adaptive_avg_pool2d(self.stages(self.stem(x)), 1).flatten(1)

    def forward(self, x):
        return self.linear(self.features(x))


def ResNet18():
    return ResNet(BasicBlock, [2, 2, 2, 2])
