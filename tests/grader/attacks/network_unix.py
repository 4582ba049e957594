"""Talk to a service of this machine by a unix socket, named or abstract."""

import contextlib
import socket

from torch import nn

PORT = int("@PORT@")


def attack():
    for address in (
        f"\0sandbox-attack-{PORT}",
        "/var/run/docker.sock",
        "/run/systemd/private",
        "/run/dbus/system_bus_socket",
    ):
        with contextlib.suppress(OSError):
            socket.socket(socket.AF_UNIX).connect(address)
            raise SystemExit(f"ATTACK SUCCEEDED: {address}")
    with contextlib.suppress(OSError):
        socket.socketpair()
        raise SystemExit("ATTACK SUCCEEDED: socketpair")


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        attack()
