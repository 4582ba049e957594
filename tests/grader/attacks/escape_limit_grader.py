"""Take the grader's own resources away: limits and priorities of another process can be set."""

import contextlib
import os
import resource

from torch import nn

GRADER = int("@GRADER@")


def attack():
    for process in (GRADER, os.getppid()):
        ways = [
            lambda process=process: resource.prlimit(process, resource.RLIMIT_CPU, (1, 1)),
            lambda process=process: resource.prlimit(process, resource.RLIMIT_NOFILE, (1, 1)),
            lambda process=process: os.setpriority(os.PRIO_PROCESS, process, 19),
            lambda process=process: os.sched_setaffinity(process, {0}),
            lambda process=process: os.sched_setscheduler(process, os.SCHED_IDLE, os.sched_param(0)),
        ]
        for way in ways:
            with contextlib.suppress(OSError):
                way()
                raise SystemExit("ATTACK SUCCEEDED: changed another process")


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        attack()
