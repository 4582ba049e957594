"""Logs, counts and keeps what passes: logging, warnings, timers and stored activations leave the numbers alone."""

import logging
import time
import warnings
from collections import Counter
from contextlib import contextmanager

import torch
from torch import nn

log = logging.getLogger(__name__)
seen = Counter()
seconds: dict[str, float] = {}


@contextmanager
def timed(name):
    start = time.perf_counter()
    yield
    seconds[name] = seconds.get(name, 0.0) + time.perf_counter() - start


class Watched(nn.Module):
    def __init__(self):
        super().__init__()
        self.activations = {}

    def keep(self, name, x):
        self.activations[name] = x.detach().mean().item()
        seen[name] += 1
        if x.numel() and x.isnan().any():
            warnings.warn(f"{name} is not a number", stacklevel=2)
        return x

    def extra_repr(self):
        return ", ".join(self.activations)


class BasicBlock(Watched):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        log.info("BasicBlock %d -> %d", in_planes, planes)
        self.conv1, self.bn1 = nn.Conv2d(in_planes, planes, 3, stride, 1, bias=False), nn.BatchNorm2d(planes)
        self.conv2, self.bn2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False), nn.BatchNorm2d(planes)
        self.proj = None
        if stride != 1 or in_planes != planes:
            self.proj = nn.Sequential(nn.Conv2d(in_planes, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))

    def forward(self, x):
        with timed("residual"):
            y = self.keep("first", torch.relu(self.bn1(self.conv1(x))))
            y = self.keep("second", self.bn2(self.conv2(y)))
        with timed("shortcut"):
            s = self.keep("shortcut", x if self.proj is None else self.proj(x))
        return torch.relu(y + s)


class Bottleneck(Watched):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        log.info("Bottleneck %d -> %d", in_planes, planes * 4)
        self.conv1, self.bn1 = nn.Conv2d(in_planes, planes, 1, bias=False), nn.BatchNorm2d(planes)
        self.conv2, self.bn2 = nn.Conv2d(planes, planes, 3, stride, 1, bias=False), nn.BatchNorm2d(planes)
        self.conv3, self.bn3 = nn.Conv2d(planes, planes * 4, 1, bias=False), nn.BatchNorm2d(planes * 4)
        self.proj = None
        if stride != 1 or in_planes != planes * 4:
            self.proj = nn.Sequential(
                nn.Conv2d(in_planes, planes * 4, 1, stride, bias=False), nn.BatchNorm2d(planes * 4)
            )

    def forward(self, x):
        with timed("residual"):
            y = self.keep("first", torch.relu(self.bn1(self.conv1(x))))
            y = self.keep("second", torch.relu(self.bn2(self.conv2(y))))
            y = self.keep("third", self.bn3(self.conv3(y)))
        with timed("shortcut"):
            s = self.keep("shortcut", x if self.proj is None else self.proj(x))
        return torch.relu(y + s)
