"""One BatchNorm serves both narrow convolutions: they have the same width."""

# question: q2
# misconception: shared_batchnorm
# evidence: Bottleneck(256, 64) has 128 parameters too few

import torch.nn as nn
import torch.nn.functional as F


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(in_planes, planes, 1, bias=False)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, 1, bias=False)
        self.bn = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, 4 * planes, 1, bias=False)
        self.bn_out = nn.BatchNorm2d(4 * planes)
        self.shortcut = nn.Sequential()
        if stride != 1 or in_planes != 4 * planes:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_planes, 4 * planes, 1, stride, bias=False), nn.BatchNorm2d(4 * planes)
            )

    def forward(self, x):
        out = x
        for conv in (self.conv1, self.conv2):
            out = F.relu(self.bn(conv(out)))
        out = self.bn_out(self.conv3(out))
        return F.relu(out + self.shortcut(x))
