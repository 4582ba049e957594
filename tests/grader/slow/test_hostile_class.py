"""A class of forty, thirty of which once stopped the grader: all have a result, and the right ones their points."""

import json
import os
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import psutil

from tests.grader.conftest import ROOT
from tests.grader.hostile_class import RIGHT, write_class

SECONDS_AT_A_LIMIT = 10
LIMIT_WORDS = ("took more than", "cannot be read within", "did not return", "used up", "was stopped", "MB of memory")


def memory_of_tree(process: psutil.Process) -> int:
    """Bytes of a process and all that it started; what they share counts once."""
    total = 0
    for one in [process, *process.children(recursive=True)]:
        with suppress(psutil.Error, OSError):
            total += one.memory_full_info().pss
    return total


def grade(out: Path, *paths: Path) -> tuple[float, int]:
    """Grade with two processes; returns seconds and the most bytes of memory."""
    command = [sys.executable, "-m", "autograder", "grade", *paths, "--out", out, "--jobs", "2", "--device", "cpu"]
    began, most, done = time.monotonic(), [0], threading.Event()
    with subprocess.Popen([*map(str, command)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:

        def watch() -> None:
            while not done.wait(0.5):
                with suppress(psutil.Error):
                    most[0] = max(most[0], memory_of_tree(psutil.Process(process.pid)))

        watcher = threading.Thread(target=watch)
        watcher.start()
        said, _ = process.communicate()
        done.set()
        watcher.join()
    assert process.returncode == 0, said.decode()
    return time.monotonic() - began, most[0]


def results_of(out: Path) -> list[dict]:
    return [json.loads(path.read_text()) for path in out.glob("*.json")]


def test_a_hostile_class(tmp_path):
    right, hostile = write_class(tmp_path / "class")
    assert (len(right), len(hostile)) == (RIGHT, 30)
    alone, _ = grade(tmp_path / "alone", tmp_path / "class" / "right")
    # One folder named twice, and relative.
    folder = tmp_path / "class"
    together, memory = grade(tmp_path / "out", folder, Path(os.path.relpath(folder, ROOT)), folder / "right")

    results = results_of(tmp_path / "out")
    assert len(results) == len(right) + len(hostile)
    full = [result for result in results if result["score"] == result["possible"] > 80]
    assert sorted(r["submission"] for r in full) == sorted(r["submission"] for r in results_of(tmp_path / "alone"))
    assert len(full) == RIGHT
    assert not [r for r in results if r["status"] == "grader_failed"]
    limited = sum(any(word in json.dumps(result) for word in LIMIT_WORDS) for result in results)
    allowed = 3 * alone + SECONDS_AT_A_LIMIT * limited
    print(f"ten alone: {alone:.0f} s; forty: {together:.0f} s of {allowed:.0f} s, {limited} at a limit")
    print(f"memory: {memory >> 20} MB")
    assert together < allowed
    assert memory < 3 << 30
