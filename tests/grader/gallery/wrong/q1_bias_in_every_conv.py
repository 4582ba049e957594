"""Every convolution keeps PyTorch's default bias."""

# question: q1
# misconception: conv_bias
# evidence: BasicBlock(64, 128, 2) has 384 parameters too many

import torch.nn as nn


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.conv_block = nn.Sequential(
            nn.Conv2d(in_planes, planes, 3, stride=stride, padding=1),
            nn.BatchNorm2d(planes),
            nn.ReLU(),
            nn.Conv2d(planes, planes, 3, padding=1),
            nn.BatchNorm2d(planes),
        )
        self.shortcut = nn.Identity()
        if stride != 1 or in_planes != planes:
            self.shortcut = nn.Sequential(nn.Conv2d(in_planes, planes, 1, stride=stride), nn.BatchNorm2d(planes))
        self.final = nn.ReLU()

    def forward(self, x):
        return self.final(self.conv_block(x) + self.shortcut(x))
