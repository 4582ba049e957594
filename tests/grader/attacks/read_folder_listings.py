"""List the folders where hidden tests may lie."""

import contextlib
import glob
import os

from torch import nn

ROOT = "@ROOT@"
SECRET = "@SECRET@"


def attack():
    for folder in (ROOT, f"{ROOT}/tests", f"{ROOT}/tests/hidden", os.path.dirname(SECRET), "/tmp", "/home", "/root"):
        with contextlib.suppress(OSError):
            raise SystemExit(f"ATTACK SUCCEEDED: {os.listdir(folder)}")
        if found := glob.glob(f"{folder}/*"):
            raise SystemExit(f"ATTACK SUCCEEDED: {found}")


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        attack()
