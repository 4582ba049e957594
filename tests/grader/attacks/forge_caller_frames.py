"""Look for the expected output in the frames of whoever calls, and in everything the collector knows."""

import gc
import sys

import torch
from torch import nn


def attack(x):
    frame = sys._getframe(1)
    while frame is not None:
        for name, value in frame.f_locals.items():
            if "expected" in name and isinstance(value, torch.Tensor):
                raise RuntimeError(f"ATTACK SUCCEEDED: {value}")
        frame = frame.f_back
    tensors = [thing for thing in gc.get_objects() if isinstance(thing, torch.Tensor) and thing is not x]
    return next((tensor for tensor in tensors if tensor.shape == x.shape), torch.zeros_like(x))


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()

    def forward(self, x):
        return attack(x)
