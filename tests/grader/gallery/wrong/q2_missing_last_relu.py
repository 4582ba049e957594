"""The sum is returned without a ReLU."""

# question: q2
# misconception: missing_last_relu
# evidence: the output has negative values

import torch.nn as nn
import torch.nn.functional as F


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.reduce = nn.Conv2d(in_planes, planes, kernel_size=1, bias=False)
        self.reduce_bn = nn.BatchNorm2d(planes)
        self.conv = nn.Conv2d(planes, planes, kernel_size=3, stride=stride, padding=1, bias=False)
        self.conv_bn = nn.BatchNorm2d(planes)
        self.expand = nn.Conv2d(planes, self.expansion * planes, kernel_size=1, bias=False)
        self.expand_bn = nn.BatchNorm2d(self.expansion * planes)
        self.shortcut = nn.Sequential()
        if stride != 1 or in_planes != self.expansion * planes:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_planes, self.expansion * planes, kernel_size=1, stride=stride, bias=False),
                nn.BatchNorm2d(self.expansion * planes),
            )

    def forward(self, x):
        out = F.relu(self.reduce_bn(self.reduce(x)))
        out = F.relu(self.conv_bn(self.conv(out)))
        out = self.expand_bn(self.expand(out))
        return out + self.shortcut(x)
