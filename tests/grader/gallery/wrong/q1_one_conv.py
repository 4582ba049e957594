"""One convolution instead of two."""

# question: q1
# misconception: single_conv
# evidence: BasicBlock(64, 64) has half of its parameters

import torch.nn as nn
import torch.nn.functional as F


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(in_planes, planes, kernel_size=3, stride=stride, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(planes)
        self.skip = nn.Identity()
        if stride != 1 or in_planes != planes:
            self.skip = nn.Sequential(
                nn.Conv2d(in_planes, planes, kernel_size=1, stride=stride, bias=False),
                nn.BatchNorm2d(planes),
            )

    def forward(self, x):
        return F.relu(self.norm(self.conv(x)) + self.skip(x))
