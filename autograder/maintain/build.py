"""Master to handout: `solutions/resnet.py` becomes the student's notebook, the student's zip and `autograder.zip`.

Building twice gives the same bytes: cell ids, file order and time stamps are fixed.
"""

import contextlib
import functools
import io
import json
import os
import re
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

import jupytext
import nbformat

from autograder.contract import Problem
from autograder.course.consistency import find_problems
from autograder.course.settings import FILE as COURSE
from autograder.course.settings import load_course
from autograder.platforms.deferred import DEFERRED, collect
from autograder.report import ResultsError
from autograder.submission.atomic_write import atomic_write
from lab import diagrams

ROOT = Path(__file__).resolve().parents[2]
MASTER = Path("solutions/resnet.py")
NOTEBOOK = Path("assignment/resnet.ipynb")
INSTRUCTOR = Path("dist/resnet-instructor.ipynb")
"""The notebook with the solution, and with the model answers: the master's cells with the tag `instructor`."""
KERNEL = {"display_name": "Python 3 (ipykernel)", "language": "python", "name": "python3"}

STUDENT_PACKAGES = ("submission", "student", "oracle", "suite", "notebook")
"""Folders of `autograder/` that students get, whole; each imports only from these."""
NAMING = tuple(
    f"autograder/oracle/{name}"
    for name in ("diagnose.py", "diagnosis.py", "edits/", "explain.py", "hints.py", "mistakes.toml", "search.py")
)
"""What names mistakes. Students do not get it where `name_mistakes` in `course.toml` says so."""
GRADER_PACKAGES = (*STUDENT_PACKAGES, "course", "sandbox", "training", "grading", "report", "platforms")
STUDENT_FILES = (
    "assignment/resnet.ipynb",
    "autograder/__init__.py",
    "autograder/contract.py",
    *(f"autograder/{package}/**/*" for package in STUDENT_PACKAGES),
    "conftest.py",
    "lab/**/*",
    "tests/public/*.py",
    "utils.py",
)
HANDOUT = Path("assignment/handout")
"""What only the student zip has, at its top: README, requirements, pytest's settings, a workflow for GitHub."""

GRADER_FILES = (
    "autograder/*.py",
    *(f"autograder/{package}/**/*" for package in GRADER_PACKAGES),
    "lab/**/*.py",  # to tell them from files of the same name that are the student's
    "tests/public/*.py",
    "tests/hidden/*.py",
    "utils.py",
)

GRADER_FOLDER = "tests/grader"
"""Where the grader lies in autograder.zip: Otter's Dockerfile copies `tests/` and nothing else that could hold it, and
Otter runs only `tests/*.py`."""
RUN_OTTER = f'''"""Grade the submission in this container; see autograder/platforms/container.py."""

import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parent
sys.path.insert(0, str(SOURCE / "{GRADER_FOLDER}"))

from autograder.platforms.container import run_container

if __name__ == "__main__":
    run_container(SOURCE.parent)
'''
ENVIRONMENT = """\
# The versions of requirements.txt, with PyTorch's builds for the CPU: pip takes 2.14.1+cpu before 2.14.1, which would
# bring gigabytes of CUDA libraries that a container has no GPU for.
name: otter-env
channels:
  - conda-forge
dependencies:
  - python=3.11
  - pip
  - pip:
      - --extra-index-url https://download.pytorch.org/whl/cpu
"""
CUDA_PACKAGES = ("nvidia-", "cuda-", "triton")
NOT_NEEDED = r"# install PDF generation dependencies.*?\nfi\n\n|[^\n]*(playwright|nb_conda_kernels)[^\n]*\n"
"""What Otter's setup.sh installs for PDFs and kernels, which are not used here: LaTeX, pandoc, a browser; gigabytes.
It asks `otter_config.json` whether to, but that file comes into the image later, and so it always does."""


class BuildError(Problem):
    """The assignment cannot be built; `str()` is one line for the maintainer."""


def solved_notebook(root: Path = ROOT) -> nbformat.NotebookNode:
    """The master as a notebook, Otter's markers and solutions included."""
    notebook = jupytext.read(root / MASTER, fmt="py:percent")
    notebook.metadata = nbformat.NotebookNode(kernelspec=KERNEL, language_info={"name": "python"})
    return _canonical(notebook)


@functools.cache
def solved_source() -> str:
    """The master's code cells as one script: a right submission."""
    return "\n\n".join(without_markers(cell.source) for cell in solved_notebook().cells if cell.cell_type == "code")


def without_markers(source: str) -> str:
    """A master cell as a student would have written it: no prompts, no markers of Otter's."""
    source = re.sub(r'^ *""" # BEGIN PROMPT\n.*?""" # END PROMPT\n', "", source, flags=re.DOTALL | re.MULTILINE)
    return re.sub(r"^ *# (BEGIN|END) SOLUTION.*\n?", "", source, flags=re.MULTILINE).rstrip()


def build(root: Path = ROOT, validate: bool = True, gpu_results: Path | None = None) -> list[Path]:
    """Write `assignment/`, and the zips and the instructor's edition in `dist/`, under `root`.

    Args:
        root: the repository.
        validate: let Otter Assign grade the solution with the new autograder before anything is written.
        gpu_results: a results folder of `grade`, whose trainings autograder.zip adds to the points.

    Returns:
        The files written.

    Raises:
        BuildError: points do not add up or a test is broken, Otter Assign does not accept the master, the solution does
            not score full marks, or `gpu_results` cannot be used.
    """
    if problems := find_problems(root, notebook=False):
        raise BuildError("\n".join(problems))
    try:
        deferred = {} if gpu_results is None else {DEFERRED: collect(gpu_results)}
    except ResultsError as error:
        raise BuildError(str(error)) from error
    with tempfile.TemporaryDirectory() as scratch:
        assigned = _otter_assign(root, Path(scratch), validate)
        notebook, instructor = (
            nbformat.read(assigned / edition / "resnet.ipynb", as_version=4) for edition in ("student", "autograder")
        )
        (otter_zip,) = (assigned / "autograder").glob("*.zip")
        with zipfile.ZipFile(otter_zip) as archive:
            otter_files = {name: archive.read(name) for name in archive.namelist() if not name.startswith("tests/")}
    notebook.cells = [cell for cell in notebook.cells if "instructor" not in cell.metadata.get("tags", [])]
    dist = root / "dist"
    dist.mkdir(exist_ok=True)
    _write_notebook(root / NOTEBOOK, notebook)
    _write_notebook(root / INSTRUCTOR, instructor)
    _write_zip(dist / "resnet-student.zip", student_files(root))
    _write_zip(dist / "autograder.zip", _autograder_files(root, otter_files, deferred))
    return [root / NOTEBOOK, dist / "resnet-student.zip", dist / "autograder.zip", root / INSTRUCTOR]


def _otter_assign(root: Path, scratch: Path, validate: bool) -> Path:
    from otter.assign import main as otter_assign  # slow to import, and only the build needs it

    master = scratch / "resnet.ipynb"
    nbformat.write(solved_notebook(root), master)
    shutil.copy(root / "environment.yml", scratch)
    result = scratch / "assigned"
    with tempfile.TemporaryFile("w+") as said:
        try:
            with _output_to(said):
                otter_assign(str(master), str(result), no_pdfs=True, no_run_tests=not validate)
        except Exception as error:
            said.seek(0)
            raise BuildError(f"Otter Assign does not accept {MASTER}: {error}\n{said.read()}".rstrip()) from error
    return result


@contextlib.contextmanager
def _output_to(file: TextIO) -> Iterator[None]:
    """Send what this process prints to `file`, and what processes print that it starts meanwhile, such as kernels."""
    with contextlib.ExitStack() as restore:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
        for number in (1, 2):
            saved = os.dup(number)
            restore.callback(os.close, saved)
            restore.callback(os.dup2, saved, number)
            os.dup2(file.fileno(), number)
        restore.enter_context(contextlib.redirect_stdout(file))
        restore.enter_context(contextlib.redirect_stderr(file))
        yield


def _write_notebook(path: Path, notebook: nbformat.NotebookNode) -> None:
    if not notebook.cells[-1].source.strip():  # Otter ends with a blank cell
        notebook.cells.pop()
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.source = without_markers(cell.source)
        if cell.source.startswith("grader.check("):  # what the traceback shows where nothing has been imported
            cell.source += "  # NameError? Run the first code cell, with the imports."
    path.parent.mkdir(exist_ok=True)
    path.write_text(nbformat.writes(_canonical(_with_diagrams(notebook))) + "\n", encoding="utf-8")


def _with_diagrams(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Give each cell that shows a diagram its output, so that it is there before anything has run."""
    for cell in notebook.cells:
        if cell.cell_type == "code" and (shown := re.fullmatch(r'diagrams\.show\("(\w+)"\)', cell.source.strip())):
            data = {"text/html": diagrams.html(shown[1]), "text/plain": "<IPython.core.display.HTML object>"}
            cell.outputs = [nbformat.v4.new_output("display_data", data)]
    return notebook


def _canonical(notebook: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """Fixed cell ids and no trace of the machine that built it."""
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    notebook.metadata["kernelspec"] = dict(KERNEL)
    notebook.metadata["language_info"] = {"name": "python"}
    for number, cell in enumerate(notebook.cells, start=1):
        cell["id"] = f"cell-{number:03d}"
        cell.metadata.pop("lines_to_next_cell", None)
    nbformat.validate(notebook)
    return notebook


def student_files(root: Path) -> dict[str, bytes]:
    """What the students' zip holds, by name."""
    held_back = () if load_course(root).name_mistakes else NAMING
    collected = _collect(root, STUDENT_FILES).items()
    files = {f"resnet/{name}": data for name, data in collected if not name.startswith(held_back)}
    handout = root / HANDOUT
    own = {path.relative_to(handout): path for path in handout.rglob("*") if path.is_file()}
    return files | {f"resnet/{name.as_posix()}": path.read_bytes() for name, path in own.items()}


def _autograder_files(root: Path, otter_files: dict[str, bytes], deferred: dict[str, str]) -> dict[str, bytes]:
    config = json.loads(otter_files["otter_config.json"])
    if load_course(root).hidden_checks == "messages":
        config["show_hidden"] = True
    held = (*GRADER_FILES, COURSE) if (root / COURSE).exists() else GRADER_FILES
    files = {f"{GRADER_FOLDER}/{name}": data for name, data in _collect(root, held).items()}
    texts = {
        "run_otter.py": RUN_OTTER,
        "otter_config.json": json.dumps(config, indent=2, sort_keys=True) + "\n",
        "environment.yml": _environment(root),
        "setup.sh": re.sub(NOT_NEEDED, "", otter_files["setup.sh"].decode(), flags=re.DOTALL),
    }
    return otter_files | files | {name: text.encode() for name, text in (texts | deferred).items()}


def _environment(root: Path) -> str:
    """The conda environment of the containers, with the versions of the lock."""
    lock = (root / "requirements.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lock if line and not line.startswith(("#", *CUDA_PACKAGES))]
    return ENVIRONMENT + "".join(f"      - {line}\n" for line in pins)


def _collect(root: Path, patterns: tuple[str, ...]) -> dict[str, bytes]:
    files = {}
    for pattern in patterns:
        found = [path for path in root.glob(pattern) if path.is_file() and "__pycache__" not in path.parts]
        if not found:
            raise BuildError(f"nothing matches {pattern} in {root}")
        files |= {path.relative_to(root).as_posix(): path.read_bytes() for path in found}
    return files


def _write_zip(path: Path, files: dict[str, bytes]) -> None:
    """Write a zip that depends on nothing but `files`."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        for name in sorted(files):
            info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            executable = name in ("run_autograder", "setup.sh")
            info.external_attr = (0o755 if executable else 0o644) << 16
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, files[name])
    atomic_write(path, content.getvalue())
