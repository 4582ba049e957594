"""The shortcut takes every other pixel by slicing, then a 1x1 convolution of stride 1."""

import torch.nn as nn
import torch.nn.functional as F


class Projection(nn.Module):
    def __init__(self, n_in, n_out, stride):
        super().__init__()
        self.stride = stride
        self.mix = nn.Conv2d(n_in, n_out, 1, bias=False)
        self.norm = nn.BatchNorm2d(n_out)

    def forward(self, x):
        s = self.stride
        return self.norm(self.mix(x[:, :, ::s, ::s]))


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.projection = Projection(in_planes, planes, stride) if (in_planes, stride) != (planes, 1) else None
        self.conv1 = nn.Conv2d(in_planes, planes, 3, stride=stride, padding="same" if stride == 1 else 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding="same", bias=False)
        self.bn2 = nn.BatchNorm2d(planes)

    def shortcut(self, x):
        if self.projection is None:
            return x
        return self.projection(x)

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        return F.relu(y + self.shortcut(x))


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        wide = 4 * planes
        self.projection = Projection(in_planes, wide, stride) if (in_planes, stride) != (wide, 1) else None
        self.conv1 = nn.Conv2d(in_planes, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, wide, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(wide)

    shortcut = BasicBlock.shortcut

    def forward(self, x):
        y = F.relu(self.bn1(self.conv1(x)))
        y = F.relu(self.bn2(self.conv2(y)))
        y = self.bn3(self.conv3(y))
        return F.relu(y + self.shortcut(x))
