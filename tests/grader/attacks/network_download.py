"""Fetch a page, and look a name up."""

import contextlib
import socket
import urllib.request

from torch import nn

PORT = int("@PORT@")


def attack():
    with contextlib.suppress(OSError):
        urllib.request.urlopen(f"http://127.0.0.1:{PORT}/stolen", timeout=1)
        raise SystemExit("ATTACK SUCCEEDED: page")
    with contextlib.suppress(OSError):
        socket.getaddrinfo("example.org", 80)
        raise SystemExit("ATTACK SUCCEEDED: name")


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        attack()
