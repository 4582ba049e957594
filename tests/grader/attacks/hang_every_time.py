"""Be slow in every single request, so that the whole takes for ever although no request does."""

import time

import torch
from torch import nn


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1))
        time.sleep(0.7)

    def forward(self, x):
        time.sleep(0.7)
        return x * self.weight

    def state_dict(self, *args, **kwargs):
        time.sleep(0.7)
        return super().state_dict(*args, **kwargs)
