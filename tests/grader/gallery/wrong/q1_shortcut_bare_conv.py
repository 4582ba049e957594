"""The projection is a bare convolution with its default bias."""

# question: q1
# misconception: shortcut_bias_instead_of_batchnorm
# evidence: BasicBlock(64, 128, 2) has 128 parameters too few: a bias in place of BatchNorm's two

import torch.nn as nn


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv2d(in_planes, planes, 3, stride, 1, bias=False),
            nn.BatchNorm2d(planes),
            nn.ReLU(),
            nn.Conv2d(planes, planes, 3, 1, 1, bias=False),
            nn.BatchNorm2d(planes),
        )
        self.project = None
        if stride != 1 or in_planes != planes:
            self.project = nn.Conv2d(in_planes, planes, kernel_size=1, stride=stride)

    def forward(self, x):
        skip = x
        if self.project is not None:
            skip = self.project(x)
        return (self.residual(x) + skip).relu()
