"""The projection has a ReLU of its own."""

# question: q1
# misconception: shortcut_relu
# evidence: at BasicBlock(8, 16) the shortcut adds nothing negative

import torch.nn as nn


def conv_bn_relu(in_channels, out_channels, kernel, stride):
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, kernel, stride=stride, padding=kernel // 2, bias=False),
        nn.BatchNorm2d(out_channels),
        nn.ReLU(),
    )


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.first = conv_bn_relu(in_planes, planes, 3, stride)
        self.second = nn.Sequential(nn.Conv2d(planes, planes, 3, padding=1, bias=False), nn.BatchNorm2d(planes))
        same = stride == 1 and in_planes == planes
        self.shortcut = nn.Identity() if same else conv_bn_relu(in_planes, planes, 1, stride)

    def forward(self, x):
        return nn.functional.relu(self.second(self.first(x)) + self.shortcut(x))
