"""Stop this process, as Ctrl-Z would, so that it neither answers nor ends."""

import os
import signal

from torch import nn


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()

    def forward(self, x):
        os.kill(os.getpid(), signal.SIGSTOP)
