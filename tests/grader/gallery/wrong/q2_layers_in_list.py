"""Convolutions and BatchNorms sit in Python lists."""

# question: q2
# misconception: layers_in_list
# evidence: Bottleneck(256, 64) has no parameters

import torch.nn as nn
import torch.nn.functional as F


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.convs = [
            nn.Conv2d(in_planes, planes, 1, bias=False),
            nn.Conv2d(planes, planes, 3, stride, 1, bias=False),
            nn.Conv2d(planes, 4 * planes, 1, bias=False),
        ]
        self.bns = [nn.BatchNorm2d(planes), nn.BatchNorm2d(planes), nn.BatchNorm2d(4 * planes)]
        self.shortcut = nn.Sequential()
        if stride != 1 or in_planes != 4 * planes:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_planes, 4 * planes, 1, stride, bias=False), nn.BatchNorm2d(4 * planes)
            )

    def forward(self, x):
        out = F.relu(self.bns[0](self.convs[0](x)))
        out = F.relu(self.bns[1](self.convs[1](out)))
        out = self.bns[2](self.convs[2](out))
        return F.relu(out + self.shortcut(x))
