"""The only ReLU sits on F(x)."""

# question: q1
# misconception: only_last_relu_missing_middle
# evidence: F(x) is never negative, and the sum can be

import torch
import torch.nn as nn


def conv3x3(cin, cout, stride=1):
    return nn.Conv2d(cin, cout, 3, stride=stride, padding=1, bias=False)


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.convolve = nn.Sequential(
            conv3x3(in_planes, planes, stride),
            nn.BatchNorm2d(planes),
            conv3x3(planes, planes),
            nn.BatchNorm2d(planes),
        )
        self.shortcut = nn.Sequential()
        if stride != 1 or in_planes != planes:
            self.shortcut = nn.Sequential(nn.Conv2d(in_planes, planes, 1, stride=stride, bias=False))
            self.shortcut.append(nn.BatchNorm2d(planes))

    def forward(self, x):
        out = torch.relu(self.convolve(x))
        return out + self.shortcut(x)
