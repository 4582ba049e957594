"""A grader that is killed at any moment leaves no process behind and no half result; run again, it completes."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import pytest

from autograder.sandbox import linux
from tests.grader import attacks
from tests.grader.conftest import ROOT

NAMES = ("solution.ipynb", "stubs.ipynb", "missing_classes.ipynb")
MOMENTS = 3
GONE_SECONDS = 20
"""For a zygote that is still importing torch when its grader dies: it looks up when it has done so."""


@pytest.fixture
def orphans():
    """Orphans of what is started here become our children for a while; yields a function that counts them."""
    before = attacks.processes(os.getpid())
    linux.prctl(linux.PR_SET_CHILD_SUBREAPER, 1)

    def left() -> set[int]:
        found = attacks.processes(os.getpid()) - before
        for pid in list(found):
            try:
                if os.waitpid(pid, os.WNOHANG)[0]:
                    found.discard(pid)
            except ChildProcessError:
                found.discard(pid)
        return found

    yield left
    linux.prctl(linux.PR_SET_CHILD_SUBREAPER, 0)


def start(folder, out):
    command = [sys.executable, "-m", "autograder", "grade", folder, "--out", out, "--jobs", "2", "--device", "cpu"]
    return subprocess.Popen(
        [*map(str, command), "--only", "q1"],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def outcomes(out):
    """Test by test what was found out, by submission; fails on a result that is not whole."""
    results = [json.loads(path.read_text()) for path in out.glob("*.json")]
    return {r["submission"]: [(t["id"], t["outcome"], t["points"]) for t in r["tests"]] for r in results}


def wait_until_gone(left):
    deadline = time.monotonic() + GONE_SECONDS
    while remaining := left():
        assert time.monotonic() < deadline, f"still there: {remaining}"
        time.sleep(0.05)


def test_killed_at_random_moments(samples, tmp_path, orphans):
    folder, whole, killed = (tmp_path / name for name in ("in", "whole", "killed"))
    folder.mkdir()
    for name in NAMES:
        shutil.copy(samples / name, folder)
    began = time.monotonic()
    assert start(folder, whole).wait() == 0
    usual = time.monotonic() - began
    expected = outcomes(whole)
    assert set(expected) == set(NAMES)

    seed = random.SystemRandom().randrange(1 << 32)
    draw = random.Random(seed)
    moments = sorted(draw.uniform(0.05, 1.0) * usual for _ in range(MOMENTS))
    print(f"seed {seed}: an undisturbed run takes {usual:.1f} s; killed after {[round(m, 2) for m in moments]} s")
    for moment in moments:
        process = start(folder, killed)
        time.sleep(moment)
        process.send_signal(signal.SIGKILL)
        process.wait()
        wait_until_gone(orphans)
        assert set(outcomes(killed)) <= set(NAMES)
        assert attacks.traces() == []
    assert start(folder, killed).wait() == 0
    assert outcomes(killed) == expected
    assert {path.suffix for path in killed.iterdir()} <= {".json", ".key", ".csv", ".html"}
    wait_until_gone(orphans)
