"""5x5 convolutions, for a larger field of view."""

# question: q1
# misconception: kernel_5
# evidence: BasicBlock(64, 64) has 131,072 parameters too many

import torch.nn as nn


class BasicBlock(nn.Module):
    expansion = 1
    kernel = 5

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        pad = self.kernel // 2
        self.f = nn.Sequential(
            nn.Conv2d(in_planes, planes, self.kernel, stride, pad, bias=False),
            nn.BatchNorm2d(planes),
            nn.ReLU(),
            nn.Conv2d(planes, planes, self.kernel, 1, pad, bias=False),
            nn.BatchNorm2d(planes),
        )
        self.g = nn.Sequential()
        if stride != 1 or in_planes != planes:
            self.g = nn.Sequential(nn.Conv2d(in_planes, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))

    def forward(self, x):
        return nn.functional.relu(self.f(x) + self.g(x))
