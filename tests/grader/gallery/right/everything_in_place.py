"""Saves memory: in-place ReLUs and additions, on tensors of its own only."""

import torch.nn as nn
import torch.nn.functional as F


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.needs = stride != 1 or in_planes != planes
        if self.needs:
            self.downsample = nn.Conv2d(in_planes, planes, 1, stride, bias=False)
            self.downsample_bn = nn.BatchNorm2d(planes)
        self.conv1, self.bn1 = nn.Conv2d(in_planes, planes, 3, stride, 1, bias=False), nn.BatchNorm2d(planes)
        self.conv2, self.bn2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False), nn.BatchNorm2d(planes)

    def forward(self, x):
        out = F.relu_(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += self.downsample_bn(self.downsample(x)) if self.needs else x
        return out.relu_()


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.needs = stride != 1 or in_planes != planes * 4
        if self.needs:
            self.downsample = nn.Conv2d(in_planes, planes * 4, 1, stride, bias=False)
            self.downsample_bn = nn.BatchNorm2d(planes * 4)
        self.conv1, self.bn1 = nn.Conv2d(in_planes, planes, 1, bias=False), nn.BatchNorm2d(planes)
        self.conv2, self.bn2 = nn.Conv2d(planes, planes, 3, stride, 1, bias=False), nn.BatchNorm2d(planes)
        self.conv3, self.bn3 = nn.Conv2d(planes, planes * 4, 1, bias=False), nn.BatchNorm2d(planes * 4)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, x):
        out = self.relu(self.bn1(self.conv1(x)))
        out = self.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        out += self.downsample_bn(self.downsample(x)) if self.needs else x
        return self.relu(out)
