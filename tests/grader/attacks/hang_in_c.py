"""Never return from a loop in C, where no Python signal handler runs."""

import re

from torch import nn


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()

    def forward(self, x):
        return re.fullmatch("(a|aa)+b", "a" * 200)
