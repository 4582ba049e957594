"""F(x) is computed, then overwritten by the shortcut."""

# question: q1
# misconception: residual_dropped
# evidence: no parameter of the 3x3 convolutions has an effect

import torch.nn as nn
import torch.nn.functional as F


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(in_planes, planes, 3, padding=1, stride=stride, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.match = nn.Sequential()
        if stride != 1 or in_planes != planes:
            self.match.append(nn.Conv2d(in_planes, planes, 1, stride=stride, bias=False))
            self.match.append(nn.BatchNorm2d(planes))

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out = self.match(x)  # meant: +=
        return F.relu(out)
