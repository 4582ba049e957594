"""Open a file of the grader's, in every way Python has."""

import contextlib
import linecache
import os
from pathlib import Path

import numpy as np
import torch
from torch import nn

SECRET = "@SECRET@"


def attack():
    ways = [
        lambda: Path(SECRET).read_text(),
        lambda: os.read(os.open(SECRET, os.O_RDONLY), 1000),
        lambda: os.read(os.open(os.path.basename(SECRET), os.O_RDONLY, dir_fd=os.open("/", os.O_PATH)), 1000),
        lambda: np.fromfile(SECRET, dtype=np.uint8).tobytes(),
        lambda: torch.from_file(SECRET, size=64, dtype=torch.uint8).numpy().tobytes(),
        lambda: linecache.getline(SECRET, 1) or 1 / 0,
    ]
    for way in ways:
        with contextlib.suppress(Exception):
            raise SystemExit(f"ATTACK SUCCEEDED: {way()}")


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        attack()
