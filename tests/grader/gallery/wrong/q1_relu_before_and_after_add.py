"""A ReLU on F(x) as well: the block can only add."""

# question: q1
# misconception: relu_before_and_after_add
# evidence: with F(x) = -0.5 the block returns relu(x), not relu(x - 0.5)

import torch.nn as nn


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.layers = nn.Sequential(
            nn.Conv2d(in_planes, planes, 3, stride, 1, bias=False),
            nn.BatchNorm2d(planes),
            nn.ReLU(),
            nn.Conv2d(planes, planes, 3, 1, 1, bias=False),
            nn.BatchNorm2d(planes),
            nn.ReLU(),
        )
        if stride == 1 and in_planes == planes:
            self.skip = nn.Identity()
        else:
            self.skip = nn.Sequential(nn.Conv2d(in_planes, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))
        self.relu = nn.ReLU()

    def forward(self, x):
        return self.relu(self.layers(x) + self.skip(x))
