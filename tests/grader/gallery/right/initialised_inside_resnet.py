"""ResNet initializes the last BatchNorm of each of its own blocks, which it knows by type and attribute."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.first = nn.Conv2d(in_planes, planes, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(planes)
        self.second = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(planes)
        self.project = nn.Identity()
        if stride != 1 or in_planes != planes:
            self.project = nn.Sequential(nn.Conv2d(in_planes, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))

    def forward(self, x):
        out = F.relu(self.first_norm(self.first(x)))
        return F.relu(self.second_norm(self.second(out)) + self.project(x))


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        layers, in_planes = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()], 64
        for index, count in enumerate(num_blocks):
            planes = 64 * 2**index
            for position in range(count):
                layers.append(block(in_planes, planes, 2 if index and not position else 1))
                in_planes = planes * block.expansion
        self.features = nn.Sequential(*layers)
        self.head = nn.Linear(in_planes, num_classes)
        for module in self.modules():
            if isinstance(module, BasicBlock):
                nn.init.zeros_(module.second_norm.weight)

    def forward(self, x):
        return self.head(torch.flatten(F.adaptive_avg_pool2d(self.features(x), 1), 1))


def ResNet18():
    return ResNet(BasicBlock, [2, 2, 2, 2])
