"""Report an error whose parts are of the wrong kind."""

import json
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
    error = {"kind": ["x"] * 1000, "message": {"score": 100}, "traceback": None}
    for number in range(50):
        os.write(channel(), frame(json.dumps({"id": number, "at": 0, "error": error}).encode()))


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()

    def forward(self, x):
        attack()
        return x
