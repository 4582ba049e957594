"""Never read a request, so that the grader's own sending gets stuck."""

import sys
import time

import torch
from torch import nn


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(2_000_000))

    def state_dict(self, *args, **kwargs):
        sys.modules["autograder.sandbox.wire"].receive = lambda *args: time.sleep(1_000_000)
        return super().state_dict(*args, **kwargs)

    def forward(self, x):
        return x * self.weight[0]
