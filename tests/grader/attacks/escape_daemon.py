"""Leave a daemon behind, in a session of its own."""

import os
import time

from torch import nn


def attack():
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(1000)
        os._exit(0)
    raise SystemExit("ATTACK SUCCEEDED: forked")


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        attack()
