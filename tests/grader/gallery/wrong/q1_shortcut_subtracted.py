"""A minus where the plus belongs."""

# question: q1
# misconception: shortcut_subtracted
# evidence: with silent convolutions the block returns relu(-x)

import torch.nn as nn


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(in_planes, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.act = nn.ReLU()
        needs_projection = stride != 1 or in_planes != planes
        if needs_projection:
            self.proj = nn.Conv2d(in_planes, planes, 1, stride, bias=False)
            self.proj_bn = nn.BatchNorm2d(planes)
        self.needs_projection = needs_projection

    def forward(self, x):
        # the residual is H(x) - x
        y = self.act(self.bn1(self.conv1(x)))
        y = self.bn2(self.conv2(y))
        if self.needs_projection:
            x = self.proj_bn(self.proj(x))
        return self.act(y - x)
