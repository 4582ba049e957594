"""The projection uses 3x3 convolutions like the rest."""

# question: q1
# misconception: shortcut_3x3
# evidence: BasicBlock(64, 128, 2) has 65,536 parameters too many

import torch.nn as nn
import torch.nn.functional as F


def conv_bn(cin, cout, stride=1):
    return nn.Sequential(nn.Conv2d(cin, cout, 3, stride, 1, bias=False), nn.BatchNorm2d(cout))


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.one = conv_bn(in_planes, planes, stride)
        self.two = conv_bn(planes, planes)
        self.shortcut = nn.Sequential()
        if stride != 1 or in_planes != planes:
            self.shortcut = conv_bn(in_planes, planes, stride)

    def forward(self, x):
        return F.relu(self.two(F.relu(self.one(x))) + self.shortcut(x))
