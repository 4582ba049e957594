"""The head is a matrix product with a weight of shape (features, classes): x @ W + b, as in lecture notes."""

import torch
from torch import nn


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU())
        self.stages = nn.ModuleList()
        width = 64
        for s, n in enumerate(num_blocks):
            stage = nn.ModuleList()
            for i in range(n):
                stage.append(block(width, 64 * 2**s, 2 if s > 0 and i == 0 else 1))
                width = 64 * 2**s * block.expansion
            self.stages.append(stage)
        self.W = nn.Parameter(torch.randn(width, num_classes) * width**-0.5)
        self.b = nn.Parameter(torch.zeros(num_classes))

    def forward(self, x):
        x = self.stem(x)
        for stage in self.stages:
            for block in stage:
                x = block(x)
        return x.mean(dim=(2, 3)) @ self.W + self.b


def ResNet18():
    return ResNet(BasicBlock, [2, 2, 2, 2])  # noqa: F821
