"""Convolution, ReLU, BatchNorm."""

# question: q2
# misconception: batchnorm_after_relu
# evidence: with a negative BatchNorm bias the next convolution gets negative values

import torch.nn as nn


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        out_planes = planes * 4
        self.f = nn.Sequential(
            nn.Conv2d(in_planes, planes, 1, bias=False),
            nn.ReLU(),
            nn.BatchNorm2d(planes),
            nn.Conv2d(planes, planes, 3, stride, 1, bias=False),
            nn.ReLU(),
            nn.BatchNorm2d(planes),
            nn.Conv2d(planes, out_planes, 1, bias=False),
            nn.BatchNorm2d(out_planes),
        )
        self.s = nn.Sequential()
        if stride != 1 or in_planes != out_planes:
            self.s = nn.Sequential(nn.Conv2d(in_planes, out_planes, 1, stride, bias=False), nn.BatchNorm2d(out_planes))

    def forward(self, x):
        return nn.functional.relu(self.f(x) + self.s(x))
