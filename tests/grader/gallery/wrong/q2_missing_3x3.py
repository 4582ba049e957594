"""Squeeze and expand, without the 3x3 convolution between."""

# question: q2
# misconception: missing_3x3
# evidence: Bottleneck(256, 64) has 36,992 parameters too few

import torch.nn as nn
import torch.nn.functional as F


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.squeeze = nn.Conv2d(in_planes, planes, 1, stride, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.expand = nn.Conv2d(planes, 4 * planes, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(4 * planes)
        self.shortcut = nn.Sequential()
        if stride != 1 or in_planes != 4 * planes:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_planes, 4 * planes, 1, stride, bias=False), nn.BatchNorm2d(4 * planes)
            )

    def forward(self, x):
        out = F.relu(self.bn1(self.squeeze(x)))
        out = self.bn2(self.expand(out))
        return F.relu(out + self.shortcut(x))
