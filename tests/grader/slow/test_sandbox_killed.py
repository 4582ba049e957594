"""Kill -9 at random moments: no result is lost, doubled or half-written, and no process is left behind.

A grader that is killed completes when it is started again; if one of its processes is killed, it goes on by itself.
`KILLS=10 python -m pytest tests/grader/slow/test_sandbox_killed.py` kills less often than the usual 50 times.
"""

import contextlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import psutil
import pytest

from autograder.sandbox import linux
from tests.grader import attacks
from tests.grader.conftest import ROOT

NAMES = ("solution.ipynb", "stubs.ipynb", "missing_classes.ipynb", "not_json.ipynb", "empty.ipynb")
KILLS = int(os.environ.get("KILLS", "50"))
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


@pytest.fixture(scope="module")
def undisturbed(samples, tmp_path_factory):
    """The folder of submissions, the outcomes of a run that nobody disturbs, and its seconds."""
    folder = tmp_path_factory.mktemp("class")
    for name in NAMES:
        shutil.copy(samples / name, folder)
    began = time.monotonic()
    assert start(folder, folder.parent / "undisturbed").wait() == 0
    expected = outcomes(folder.parent / "undisturbed")
    assert set(expected) == set(NAMES)
    return folder, expected, time.monotonic() - began


def random_moments(seconds: float) -> list[float]:
    seed = random.SystemRandom().randrange(1 << 32)
    draw = random.Random(seed)
    moments = [draw.uniform(0.0, seconds) for _ in range(KILLS // 2)]
    print(f"seed {seed}: killed after {[round(m, 2) for m in moments]} s")
    return moments


def assert_complete(out, expected):
    assert outcomes(out) == expected
    assert len(list(out.glob("*.json"))) == len(expected)
    assert {path.suffix for path in out.iterdir() if path.is_file() and not path.name.startswith(".grading")} <= LEFT
    assert attacks.traces() == []


LEFT = {".json", ".key", ".csv", ".html"}


def test_grader_killed(undisturbed, tmp_path, orphans):
    folder, expected, seconds = undisturbed
    for number, moment in enumerate(random_moments(seconds)):
        out = tmp_path / str(number)
        process = start(folder, out)
        time.sleep(moment)
        process.send_signal(signal.SIGKILL)
        process.wait()
        wait_until_gone(orphans)
        before = {path: path.read_bytes() for path in out.glob("*.json")} if out.exists() else {}
        assert outcomes(out).items() <= expected.items()
        assert start(folder, out).wait() == 0
        assert_complete(out, expected)
        assert {path: path.read_bytes() for path in before} == before, "what there was is not made again"
        wait_until_gone(orphans)


def test_process_of_the_pool_killed(undisturbed, tmp_path, orphans):
    folder, expected, seconds = undisturbed
    killed = 0
    for number, moment in enumerate(random_moments(seconds / 8)):
        out = tmp_path / str(number)
        process = start(folder, out)
        grader = psutil.Process(process.pid)
        while process.poll() is None and not pool_of(grader):
            time.sleep(0.01)
        time.sleep(moment)
        if pool := pool_of(grader):
            random.choice(pool).kill()
            killed += 1
        assert process.wait() == 0
        assert_complete(out, expected)
        wait_until_gone(orphans)
    print(f"{killed} of {KILLS // 2} processes were killed in time")
    assert killed > KILLS // 8


def pool_of(grader: psutil.Process) -> list[psutil.Process]:
    """The processes of the grader's pool, while there are any."""
    with contextlib.suppress(psutil.Error):
        servers = [child for child in grader.children() if "forkserver" in " ".join(child.cmdline())]
        return [process for server in servers for process in server.children()]
    return []
