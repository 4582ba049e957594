"""Fill the disk, or what looks like one."""

import contextlib
import os
import tempfile

from torch import nn


def attack():
    opened = []
    for folder in (".", "/tmp", "/var/tmp", "/dev/shm", "/run/lock", os.path.expanduser("~")):
        with contextlib.suppress(OSError):
            opened.append(os.open(f"{folder}/sandbox_attack_disk", os.O_CREAT | os.O_WRONLY))
        with contextlib.suppress(OSError):
            opened.append(os.open(folder, os.O_TMPFILE | os.O_RDWR))
        with contextlib.suppress(OSError):
            os.mkdir(f"{folder}/sandbox_attack_folder")
            opened.append(folder)
        with contextlib.suppress(OSError):
            opened.append(tempfile.mkstemp(dir=folder))
    with contextlib.suppress(OSError):
        opened.append(os.memfd_create("sandbox_attack"))
    if opened:
        raise SystemExit(f"ATTACK SUCCEEDED: {opened}")


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        attack()
