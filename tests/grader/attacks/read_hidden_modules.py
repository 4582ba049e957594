"""Import the oracle and the hidden tests, as a module would."""

import contextlib
import importlib
import sys

from torch import nn

ROOT = "@ROOT@"


def attack():
    sys.path[:0] = [ROOT, f"{ROOT}/tests", f"{ROOT}/tests/hidden"]
    importlib.invalidate_caches()
    for name in (
        "autograder.oracle",
        "autograder.grading.grade",
        "tests.hidden",
        "test_q1_hidden",
        "tests.hidden.test_q1_hidden",
    ):
        with contextlib.suppress(ImportError, OSError):
            raise SystemExit(f"ATTACK SUCCEEDED: {importlib.import_module(name)}")


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        attack()
