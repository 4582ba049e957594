"""A grading that is stopped keeps its results, leaves no process behind, and goes on where it was."""

import os
import signal
import subprocess
import sys
import time

import psutil
import pytest

from autograder.maintain.build import solved_source
from tests.grader.conftest import ROOT


@pytest.mark.parametrize("sign", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_a_grading_that_is_stopped(sign, tmp_path):
    folder, out = tmp_path / "class", tmp_path / "results"
    folder.mkdir()
    for number in range(5):
        (folder / f"student{number}.py").write_text(f"{solved_source()}\n# {number}\n")
    command = (sys.executable, "-m", "autograder", "grade", folder, "--out", out, "--jobs", "2", "--only", "q1,q2")
    process = subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )
    while not list(out.glob("*.json")):
        assert process.poll() is None
        time.sleep(0.05)
    tree = psutil.Process(process.pid).children(recursive=True)
    # A terminal sends Ctrl-C to the whole group.
    (os.killpg if sign == signal.SIGINT else os.kill)(process.pid, sign)
    said, _ = process.communicate(timeout=10)
    assert process.returncode == (1 if sign == signal.SIGINT else -sign)
    if sign == signal.SIGINT:
        assert said.splitlines()[-1] == f"Error: stopped. The results in {out} are kept; the same command goes on"
        assert "Traceback" not in said
    _, alive = psutil.wait_procs(tree, timeout=5)
    assert not alive
    kept = {path: path.read_bytes() for path in out.glob("*.json")}
    assert subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 0
    assert len(list(out.glob("*.json"))) == 5
    assert all(path.read_bytes() == content for path, content in kept.items())
