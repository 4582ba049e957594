"""The shortcut shrinks by average pooling, as in ResNet-D."""

# question: q1
# misconception: shortcut_average_pool
# evidence: at stride 2 the shortcut depends on all pixels of x

import torch.nn as nn
import torch.nn.functional as F


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(in_planes, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        shortcut = []
        if stride != 1:
            shortcut.append(nn.AvgPool2d(stride))
        if stride != 1 or in_planes != planes:
            shortcut += [nn.Conv2d(in_planes, planes, 1, bias=False), nn.BatchNorm2d(planes)]
        self.shortcut = nn.Sequential(*shortcut)

    def forward(self, x):
        h = F.relu(self.bn1(self.conv1(x)))
        h = self.bn2(self.conv2(h))
        return F.relu(h + self.shortcut(x))
