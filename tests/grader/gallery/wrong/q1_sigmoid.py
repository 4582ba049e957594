"""A sigmoid between the convolutions."""

# question: q1
# misconception: sigmoid
# evidence: what the second convolution gets lies between 0 and 1

import torch
import torch.nn as nn


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(in_planes, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.shortcut = None
        if stride != 1 or in_planes != planes:
            self.shortcut = nn.Sequential(nn.Conv2d(in_planes, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))

    def forward(self, x):
        h = torch.sigmoid(self.bn1(self.conv1(x)))
        h = self.bn2(self.conv2(h))
        h = h + (x if self.shortcut is None else self.shortcut(x))
        return torch.relu(h)
