"""There is one BatchNorm in F(x), after the second convolution."""

# question: q1
# misconception: missing_first_batchnorm
# evidence: BasicBlock(64, 64) has 128 parameters too few

import torch.nn as nn


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.f = nn.Sequential(
            nn.Conv2d(in_planes, planes, 3, stride, 1, bias=False),
            nn.ReLU(),
            nn.Conv2d(planes, planes, 3, 1, 1, bias=False),
            nn.BatchNorm2d(planes),
        )
        if stride != 1 or in_planes != planes:
            self.skip = nn.Sequential(nn.Conv2d(in_planes, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))
        else:
            self.skip = nn.Identity()

    def forward(self, x):
        return (self.f(x) + self.skip(x)).clamp(min=0)
