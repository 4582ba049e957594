"""Print, raise and return without measure."""

import sys

import torch
from torch import nn


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))

    def forward(self, x):
        for stream in (sys.stdout, sys.stderr):
            for _ in range(100):
                print("x" * (1 << 20), file=stream)
        return torch.zeros(1 << 27) * self.weight

    def state_dict(self, *args, **kwargs):
        return {f"{number}" * 100: torch.zeros(1) for number in range(100_000)}
