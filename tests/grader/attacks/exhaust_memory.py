"""Fill the memory with Python objects."""

from torch import nn


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()

    def forward(self, x):
        hoard = []
        while True:
            hoard.append(bytearray(64 << 20))
