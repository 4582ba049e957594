"""What several grader tests need, made once: the sample submissions, their grades, the built zips."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.maintain.samples import write_samples

ROOT = Path(__file__).resolve().parent.parent.parent


def run(*command: str | Path, cwd: Path = ROOT, timeout: float = 1500, **environment: str):
    """Run a command to its end and return the finished process with its output as text."""
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


@pytest.fixture(scope="module")
def one_thread():
    """Small networks lose by more, and beside other processes much."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def samples(tmp_path_factory) -> Path:
    """The folder of sample submissions."""
    folder = tmp_path_factory.mktemp("samples") / "submissions"
    write_samples(folder)
    return folder


@pytest.fixture(scope="session")
def graded(samples, tmp_path_factory) -> dict[str, dict]:
    """Each sample's result, by file name, as `python -m autograder grade` wrote it; "" holds the finished process."""
    out = tmp_path_factory.mktemp("results")
    process = run(sys.executable, "-m", "autograder", "grade", samples, "--out", out, "--jobs", "2", "--device", "cpu")
    results = [json.loads(path.read_text()) for path in out.glob("*.json")]
    return {"": process, **{result["submission"]: result for result in results}}


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Path:
    """A copy of the repository's sources in which the assignment was built; the working tree stays untouched."""
    from autograder.maintain.build import build

    root = tmp_path_factory.mktemp("built") / "repository"
    copy_sources(root)
    build(root, validate=False)
    return root


def copy_sources(to: Path) -> None:
    """Copy what `build` reads into an empty folder."""
    import shutil

    for name in ("autograder", "tests/public", "tests/hidden", "solutions", "assignment", "lab"):
        shutil.copytree(ROOT / name, to / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in ROOT.glob("*.*"):
        if path.is_file():
            shutil.copy(path, to)
