"""The middle has planes / 2 channels."""

# question: q2
# misconception: middle_halved
# evidence: the 3x3 convolution of Bottleneck(256, 64) has a weight of (32, 32, 3, 3)

import torch.nn as nn
import torch.nn.functional as F


class Bottleneck(nn.Module):
    expansion = 4
    squeeze = 2

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        mid, out = planes // self.squeeze, planes * self.expansion
        self.block = nn.Sequential(
            nn.Conv2d(in_planes, mid, 1, bias=False),
            nn.BatchNorm2d(mid),
            nn.ReLU(),
            nn.Conv2d(mid, mid, 3, stride, 1, bias=False),
            nn.BatchNorm2d(mid),
            nn.ReLU(),
            nn.Conv2d(mid, out, 1, bias=False),
            nn.BatchNorm2d(out),
        )
        self.shortcut = nn.Identity()
        if stride != 1 or in_planes != out:
            self.shortcut = nn.Sequential(nn.Conv2d(in_planes, out, 1, stride, bias=False), nn.BatchNorm2d(out))

    def forward(self, x):
        return F.relu(self.block(x) + self.shortcut(x))
