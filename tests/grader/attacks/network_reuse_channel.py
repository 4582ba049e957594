"""Turn the one socket that is open to other ends: reconnect, rebind, pass it on."""

import contextlib
import os
import socket
import stat

from torch import nn

PORT = int("@PORT@")


def attack():
    for number in range(3, 256):
        try:
            if not stat.S_ISSOCK(os.fstat(number).st_mode):
                continue
        except OSError:
            continue
        sock = socket.socket(fileno=number)
        ways = [
            lambda sock=sock: sock.connect(f"\0sandbox-attack-{PORT}"),
            lambda sock=sock: sock.bind("\0sandbox-attack-bound"),
            lambda sock=sock: sock.listen(),
            lambda sock=sock: socket.send_fds(sock, [b"x"], [0]),
            lambda sock=sock: sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 30),
        ]
        for way in ways:
            with contextlib.suppress(OSError):
                way()
                raise SystemExit("ATTACK SUCCEEDED: used the channel")
        sock.detach()


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        attack()
