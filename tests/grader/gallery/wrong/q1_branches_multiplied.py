"""The branches are multiplied, like a gate."""

# question: q1
# misconception: branches_multiplied
# evidence: with silent convolutions the block returns zeros

import torch.nn as nn
import torch.nn.functional as F


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.c1 = nn.Conv2d(in_planes, planes, 3, stride, 1, bias=False)
        self.c2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.b1, self.b2 = nn.BatchNorm2d(planes), nn.BatchNorm2d(planes)
        self.s = nn.Identity()
        if (in_planes, 1) != (planes, stride):
            self.s = nn.Sequential(nn.Conv2d(in_planes, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))

    def forward(self, x):
        h = F.relu(self.b1(self.c1(x)))
        h = self.b2(self.c2(h))
        return F.relu(h * self.s(x))
