"""Hang in everything that runs when a process ends, and leave threads that keep it alive."""

import atexit
import os
import threading
import time

from torch import nn


def sleep():
    time.sleep(1_000_000)


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        atexit.register(sleep)
        for _ in range(4):
            threading.Thread(target=sleep, daemon=False).start()

    def __del__(self):
        sleep()

    def forward(self, x):
        os.close(0)
        return x
