"""Write the results that the grader would write."""

import contextlib
import json
from pathlib import Path

from torch import nn

ROOT = "@ROOT@"
RESULT = {"score": 100, "possible": 100, "status": "graded", "tests": []}


def attack():
    written = []
    for folder in (".", ROOT, "/tmp", "/autograder/results", f"{ROOT}/results"):
        with contextlib.suppress(OSError):
            path = Path(folder) / "sandbox_attack_results.json"
            path.write_text(json.dumps(RESULT))
            written.append(str(path))
    if written:
        raise RuntimeError(f"ATTACK SUCCEEDED: {written}")


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        attack()
