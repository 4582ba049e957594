"""Change what can be changed without opening a file: modes, owners, times, names, links."""

import contextlib
import os

from torch import nn

SECRET = "@SECRET@"


def attack():
    ways = [
        lambda: os.chmod(SECRET, 0o777),
        lambda: os.chown(SECRET, os.getuid(), os.getgid()),
        lambda: os.utime(SECRET, (0, 0)),
        lambda: os.setxattr(SECRET, "user.sandbox_attack", b"1"),
        lambda: os.truncate(SECRET, 0),
        lambda: os.unlink(SECRET),
        lambda: os.rename(SECRET, "/tmp/sandbox_attack_rename"),
        lambda: os.link(SECRET, "/tmp/sandbox_attack_link"),
        lambda: os.symlink(SECRET, "/tmp/sandbox_attack_symlink"),
        lambda: os.mkfifo("/tmp/sandbox_attack_fifo"),
        lambda: os.mknod("/tmp/sandbox_attack_node"),
        lambda: os.mkdir("/tmp/sandbox_attack_folder"),
    ]
    for way in ways:
        with contextlib.suppress(OSError):
            way()
            raise SystemExit("ATTACK SUCCEEDED: changed a file")


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        attack()
