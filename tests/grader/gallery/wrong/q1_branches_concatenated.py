"""The shortcut is concatenated, as in DenseNet."""

# question: q1
# misconception: branches_concatenated
# evidence: the output has twice as many channels as asked

import torch
import torch.nn as nn


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.block = nn.Sequential(
            nn.Conv2d(in_planes, planes, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(planes),
            nn.ReLU(),
            nn.Conv2d(planes, planes, 3, 1, padding=1, bias=False),
            nn.BatchNorm2d(planes),
        )
        self.skip = nn.Sequential()
        if stride != 1 or in_planes != planes:
            self.skip = nn.Sequential(nn.Conv2d(in_planes, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))

    def forward(self, x):
        both = torch.cat((self.block(x), self.skip(x)), dim=1)
        return torch.relu(both)
