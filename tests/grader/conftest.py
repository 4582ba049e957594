"""What several grader tests need, made once: the sample submissions, their grades, the built zips."""

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch
from filelock import FileLock

from autograder.maintain.samples import write_samples
from autograder.sandbox.launcher import Zygote

# Small networks lose by more threads, and beside other processes they lose most: waiting threads do not sleep.
torch.set_num_threads(1)
os.environ["OMP_NUM_THREADS"] = "1"  # for the processes that tests start

ROOT = Path(__file__).resolve().parent.parent.parent


LONGEST = (
    *("test_validate.py", "test_sandbox_attacks.py", "test_handout.py", "test_otter.py", "test_grade.py"),
    *("test_otter_grade.py", "test_trained_grades.py", "test_training_attacks.py", "test_gallery_runner.py"),
    *("test_training_loop.py", "test_experiments.py", "test_sandbox_otter.py", "test_calibration.py"),
)
"""Files that take longest come first: with two processes, none is left with a long one at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(LONGEST)))


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


def student_of(source: str, folder: Path):
    """The student's classes of a script, in this process."""
    from autograder.student.local import LocalStudent

    path = folder / "submission.py"
    path.write_text(source, encoding="utf-8")
    return LocalStudent.from_file(path)


@pytest.fixture(scope="session")
def zygote() -> Iterator[Zygote]:
    """Starts workers: one for all tests of this process, for each takes seconds of processor time to start."""
    with Zygote() as zygote:
        yield zygote


@contextlib.contextmanager
def mounted_disk(folder: Path, size: str) -> Iterator[Path]:
    """Make `folder` a disk of this size, such as "64k"; skips the test where that cannot be."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)]
    if os.geteuid() != 0 or subprocess.run(command, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root can mount a small disk, and not in every container")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)


def make_once(tmp_path_factory, name: str, make: Callable[[Path], object]) -> Path:
    """A folder that all workers of pytest-xdist share: one calls `make(folder)`, the others wait for it."""
    root = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        root = root.parent
    folder, done = root / name, root / f"{name}.done"
    with FileLock(root / f"{name}.lock"):
        if not done.exists():
            shutil.rmtree(folder, ignore_errors=True)  # left by a call of `make` that failed
            folder.mkdir()
            make(folder)
            done.touch()
    return folder


@pytest.fixture(scope="session")
def samples(tmp_path_factory) -> Path:
    """The folder of sample submissions."""
    return make_once(tmp_path_factory, "samples", lambda folder: write_samples(folder / "submissions")) / "submissions"


@pytest.fixture(scope="session")
def graded(samples, tmp_path_factory) -> dict[str, dict]:
    """Each sample's result, by file name, as `python -m autograder grade` wrote it; "" holds the finished process."""

    def grade(folder: Path) -> None:
        command = (sys.executable, "-m", "autograder", "grade", samples, "--out", folder / "results")
        process = run(*command, "--jobs", "2", "--device", "cpu")
        (folder / "process.json").write_text(json.dumps(vars(process)))

    folder = make_once(tmp_path_factory, "graded", grade)
    process = subprocess.CompletedProcess(**json.loads((folder / "process.json").read_text()))
    results = [json.loads(path.read_text()) for path in (folder / "results").glob("*.json")]
    return {"": process, **{result["submission"]: result for result in results}}


@pytest.fixture(scope="session")
def built(tmp_path_factory) -> Path:
    """A copy of the repository's sources in which the assignment was built; the working tree stays untouched."""
    from autograder.maintain.build import build

    def copy_and_build(folder: Path) -> None:
        copy_sources(folder / "repository")
        build(folder / "repository", validate=False)

    return make_once(tmp_path_factory, "built", copy_and_build) / "repository"


def copy_sources(to: Path) -> None:
    """Copy what `build` reads into an empty folder."""
    for name in ("autograder", "tests/public", "tests/hidden", "solutions", "assignment", "lab"):
        shutil.copytree(ROOT / name, to / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in ROOT.glob("*.*"):
        if path.is_file():
            shutil.copy(path, to)
