"""The student's zip, unpacked elsewhere, as a student uses it: no installation of ours, no network."""

import os
import shutil
import sys
import time
import zipfile
from pathlib import Path

import nbformat
import pytest

from tests.grader.conftest import run
from tests.grader.samples import solution_notebook


@pytest.fixture
def handout(built, tmp_path) -> Path:
    """The unpacked student zip."""
    with zipfile.ZipFile(built / "dist" / "resnet-student.zip") as archive:
        archive.extractall(tmp_path)
    return tmp_path / "resnet"


def run_here(handout: Path, *arguments: str, **kwargs):
    """Run Python in the handout, blind to this repository, which is installed in editable form."""
    blind = "import sys; sys.path[:] = [p for p in sys.path if 'resnet' not in p.lower() or 'site-packages' in p]\n"
    del blind
    return run(sys.executable, "-m", *arguments, cwd=handout, PYTHONPATH=str(handout), **kwargs)


def solve(handout: Path) -> None:
    """Paste the solution's cells over the stubs, as a student would."""
    path = handout / "assignment" / "resnet.ipynb"
    notebook = nbformat.read(path, as_version=4)
    solved = {cell.source.split("(")[0]: cell.source for cell in solution_notebook().cells if "class " in cell.source}
    for cell in notebook.cells:
        cell.source = solved.get(cell.source.split("(")[0], cell.source)
    nbformat.write(notebook, path)


def test_stubs_fail_with_messages_a_student_can_read(handout):
    process = run_here(handout, "pytest")
    assert process.returncode == 1
    assert "Not implemented yet" in process.stdout
    assert "0 of 15 points" in process.stdout
    assert "Traceback" not in process.stdout
    assert "autograder/" not in process.stdout.replace("resnet/autograder", ""), (
        "no line of ours in a student's messages"
    )


def test_solution_passes_in_seconds(handout):
    shutil.rmtree(handout / ".pytest_cache", ignore_errors=True)
    run_here(handout, "pytest", "-k", "nothing")  # compile and warm the disk
    path = handout / "assignment" / "resnet.ipynb"
    shutil.copy(path, handout / "stubs.ipynb")
    nbformat.write(solution_notebook(), path)
    start = time.perf_counter()
    process = run_here(handout, "pytest")
    assert process.returncode == 0, process.stdout
    assert time.perf_counter() - start < 15
    assert "15 of 15 points" in process.stdout
    assert "more are judged by checks that only graders have" in process.stdout


def test_syntax_error_in_one_cell_is_said_in_one_line(handout):
    path = handout / "assignment" / "resnet.ipynb"
    notebook = solution_notebook()
    for cell in notebook.cells:
        cell.source = cell.source.replace("class Bottleneck(nn.Module):", "class Bottleneck(nn.Module)")
    nbformat.write(notebook, path)
    process = run_here(handout, "pytest", "-k", "q2")
    assert process.returncode == 1
    assert "cell " in process.stdout
    assert "`Bottleneck` is not defined" in process.stdout


def test_missing_notebook_is_one_line(handout):
    (handout / "assignment" / "resnet.ipynb").unlink()
    process = run_here(handout, "pytest")
    assert process.returncode == 2
    assert "resnet.ipynb" in process.stdout + process.stderr
    assert "Traceback" not in process.stdout + process.stderr


def test_solved_notebook_runs_to_the_end_offline(handout, tmp_path):
    """`jupyter execute` of the solved notebook on stand-in data, with its check cells."""
    sys.path.insert(0, str(handout))
    from utils import make_standin

    standin = tmp_path / "standin"
    make_standin(standin, 512, 256)
    path = handout / "assignment" / "resnet.ipynb"
    stubs = nbformat.read(path, as_version=4)
    nbformat.write(solution_with_checks(stubs), path)
    process = run(
        sys.executable,
        *("-m", "jupyter", "execute", "--inplace", path.name),
        cwd=path.parent,
        CIFAR10_ROOT=str(standin),
        PYTHONPATH="",
        HTTPS_PROXY="http://127.0.0.1:9",
        HOME=os.environ.get("HOME", "/tmp"),
    )
    assert process.returncode == 0, process.stderr[-3000:]
    outputs = "\n".join(
        str(output.get("text", "")) + str(output.get("data", {}).get("text/plain", ""))
        for cell in nbformat.read(path, as_version=4).cells
        for output in cell.get("outputs", [])
    )
    assert "11,173,962" in outputs
    assert outputs.count("all passed") == 4
    assert list(path.parent.glob("resnet_*.zip")), "the export cell writes the submission"


def solution_with_checks(stubs: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """The handout's notebook with each stub cell replaced by the solution's cell that defines the same class."""
    solved = [cell.source for cell in solution_notebook().cells if cell.cell_type == "code"]
    for cell in stubs.cells:
        if cell.cell_type == "code" and "NotImplementedError" in cell.source:
            names = [line.split("(")[0] for line in cell.source.splitlines() if line.startswith(("class ", "def "))]
            (cell.source,) = [text for text in solved if all(f"{name}(" in text for name in names)]
    return stubs
