"""planes is divided by 4, as if it were the width that leaves the block."""

# question: q2
# misconception: middle_squeezed_twice
# evidence: the 3x3 convolution of Bottleneck(256, 64) has a weight of (16, 16, 3, 3)

import torch.nn as nn
import torch.nn.functional as F


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        narrow = max(planes // self.expansion, 1)
        wide = planes * self.expansion
        self.conv1 = nn.Conv2d(in_planes, narrow, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(narrow)
        self.conv2 = nn.Conv2d(narrow, narrow, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(narrow)
        self.conv3 = nn.Conv2d(narrow, wide, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(wide)
        self.shortcut = nn.Sequential()
        if stride != 1 or in_planes != wide:
            self.shortcut = nn.Sequential(nn.Conv2d(in_planes, wide, 1, stride, bias=False), nn.BatchNorm2d(wide))

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = F.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        return F.relu(out + self.shortcut(x))
