"""Hostile submissions through Otter: nothing they ship runs outside a worker, and a result is always there."""

import json
import pickle
import shutil
import sys
import zipfile
from pathlib import Path

import nbformat
import pytest

from tests.grader.conftest import run

PLANTED = (
    "ipykernel_launcher.py",
    "ipykernel/__init__.py",
    "torch.py",
    "otter.py",
    "autograder/__init__.py",
    "conftest.py",
    "sitecustomize.py",
    "usercustomize.py",
    "json.py",
    "tests/q1.py",
    "tests/conftest.py",
)
"""Names that Python, Jupyter, Otter or pytest would load from where they start, were they still there."""

TOUCH = "import pathlib\npathlib.Path({mark!r}).touch()\n"

EXIT_WITH_RESULTS = """
import contextlib, json, os, pathlib
from torch import nn

RESULTS = {results!r}
FULL = json.dumps({{"score": 100, "tests": [{{"name": "q1", "score": 25, "max_score": 25}}]}})

class BasicBlock(nn.Module):
    for folder in (RESULTS, ".", "../results", "/autograder/results"):
        with contextlib.suppress(OSError):
            pathlib.Path(folder, "results.json").write_text(FULL)
            pathlib.Path({mark!r}).touch()
            pathlib.Path(folder, "results.pkl").write_text(FULL)
    os._exit(0)
"""


class Bomb:
    """Touches a file where it is unpickled."""

    def __init__(self, mark: Path):
        self.mark = mark

    def __reduce__(self):
        return Path.touch, (self.mark,)


def plant(folder: Path, mark: Path) -> None:
    """Lay everything out that could be loaded by accident; each touches `mark` when it is."""
    for name in PLANTED:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(TOUCH.format(mark=str(mark)))
    (folder / ".OTTER_LOG").write_bytes(pickle.dumps(Bomb(mark)))
    (folder / "results.json").write_text('{"score": 100, "tests": []}')
    (folder / "results.pkl").write_bytes(pickle.dumps(Bomb(mark)))


def write_notebook(path: Path, source: str) -> None:
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)]), path)


@pytest.fixture
def container(built, tmp_path) -> Path:
    """The folders that Gradescope lays out."""
    root = tmp_path / "autograder"
    for name in ("source", "submission", "results"):
        (root / name).mkdir(parents=True)
    with zipfile.ZipFile(built / "dist" / "autograder.zip") as archive:
        archive.extractall(root / "source")
    return root


def grade_in(container: Path) -> dict:
    """`run_otter.py`, as Gradescope starts it: in the folder of the submission's parent."""
    process = run(sys.executable, container / "source" / "run_otter.py", cwd=container)
    results = container / "results" / "results.json"
    assert results.exists(), process.stderr
    return json.loads(results.read_text())


def score(result: dict, which: str = "score") -> float:
    return sum(test.get(which, 0) for test in result["tests"])


def seen(result: dict) -> str:
    return json.dumps(result)


def test_planted_files_change_nothing(container, samples, tmp_path):
    """A right notebook among planted modules gets all its points, and none of them is loaded."""
    mark = tmp_path / "planted"
    plant(container / "submission", mark)
    shutil.copy(samples / "solution.ipynb", container / "submission" / "resnet.ipynb")
    result = grade_in(container)
    assert score(result) == score(result, "max_score") > 80
    assert not mark.exists()


@pytest.mark.slow
def test_forged_results_and_exit(container, tmp_path):
    """Code that writes its own results and ends the process gets none of the points, and a result that says why."""
    mark = tmp_path / "ran"
    plant(container / "submission", mark)
    source = EXIT_WITH_RESULTS.format(results=str(container / "results"), mark=str(mark))
    write_notebook(container / "submission" / "resnet.ipynb", source)
    result = grade_in(container)
    assert score(result) == 0
    assert "ended the Python process (exit status 0)" in seen(result)
    assert not mark.exists()


@pytest.mark.slow
def test_link_to_the_hidden_tests(container, tmp_path):
    """A shipped link is not followed."""
    target = container / "source" / "tests" / "grader" / "tests" / "hidden" / "test_q1_hidden.py"
    assert target.exists()
    (container / "submission" / "resnet.py").symlink_to(target)
    result = grade_in(container)
    assert score(result) == 0
    assert "is a link" in seen(result)
    assert "SHAPES" not in seen(result)


@pytest.mark.slow
def test_otter_run(built, tmp_path):
    """`otter run` from a folder of planted modules, on a notebook that forges results and exits."""
    mark, folder, out = tmp_path / "ran", tmp_path / "here", tmp_path / "out"
    folder.mkdir()
    out.mkdir()
    plant(folder, mark)
    write_notebook(folder / "resnet.ipynb", EXIT_WITH_RESULTS.format(results=str(out), mark=str(mark)))
    otter = Path(sys.executable).parent / "otter"
    process = run(otter, "run", "resnet.ipynb", "-a", built / "dist" / "autograder.zip", "-o", out, cwd=folder)
    assert (out / "results.json").exists(), process.stderr
    result = json.loads((out / "results.json").read_text())
    assert score(result) == 0
    assert "ended the Python process (exit status 0)" in seen(result)
    assert not mark.exists()
