"""What students hand in: the solved notebook in twelve layouts. A wrong choice among its files costs points."""

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import nbformat

from autograder.maintain.build import NOTEBOOK, ROOT
from autograder.maintain.samples import solution_notebook

STUBS = (ROOT / NOTEBOOK).read_bytes()
RESOURCE_FORK = b"\0\5\x16\7\0\2\0\0Mac OS X        "


@dataclass(frozen=True)
class Layout:
    """Files as they are handed in, by path; `graded` is the one that should be graded."""

    files: Mapping[str, bytes]
    graded: str
    zipped: bool = False

    def write(self, folder: Path) -> Path:
        """Write into an empty folder what a student hands in; several files are in a folder as of Gradescope."""
        if self.zipped:
            (folder / "anna.zip").write_bytes(zip_of(self.files))
            return folder / "anna.zip"
        if len(self.files) == 1:
            (name,) = self.files
            (folder / name).write_bytes(self.files[name])
            return folder / name
        self.unpack(folder / "submission_123")
        return folder / "submission_123"

    def unpack(self, folder: Path) -> None:
        """Write the files into a folder, as Gradescope does with the members of a zip."""
        for name, data in self.files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)


def zip_of(files: Mapping[str, bytes]) -> bytes:
    """A zip with these members; their names are kept as they are."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def notebook_of(*cells: str) -> bytes:
    """A notebook with these cells of code."""
    return nbformat.writes(nbformat.v4.new_notebook(cells=[*map(nbformat.v4.new_code_cell, cells)])).encode()


@cache
def solved() -> bytes:
    """The solved notebook."""
    return nbformat.writes(solution_notebook()).encode()


def script_of(notebook: bytes) -> bytes:
    """The notebook as `jupyter nbconvert --to script` writes it."""
    cells = [cell for cell in json.loads(notebook)["cells"] if cell["cell_type"] == "code"]
    parts = [f"# In[{number}]:\n\n\n{''.join(cell['source'])}" for number, cell in enumerate(cells, 1)]
    return "\n\n\n".join(["#!/usr/bin/env python\n# coding: utf-8", *parts]).encode()


def handout(notebook: bytes) -> dict[str, bytes]:
    """The folder of the handout with the notebook in it, and what the grader's own files may come to define."""
    suite = [path.relative_to(ROOT) for path in sorted((ROOT / "tests" / "public").glob("*.py"))]
    names = ("utils.py", "conftest.py", "lab/trainer.py", "lab/__init__.py", "autograder/contract.py", *suite)
    return {f"resnet/{name}": (ROOT / name).read_bytes() for name in names} | {
        "resnet/autograder/oracle/reference.py": script_of(solved()),
        "resnet/README.md": b"# ResNet",
        "resnet/requirements.txt": b"torch\n",
        "resnet/assignment/resnet.ipynb": notebook,
    }


def layouts() -> dict[str, Layout]:
    """The twelve layouts by name."""
    right = solved()
    script = script_of(right)
    return {
        "notebook": Layout({"hw3.ipynb": right}, "hw3.ipynb"),
        "script": Layout({"hw3.py": script}, "hw3.py"),
        "export": Layout(
            {"resnet.ipynb": right, ".OTTER_LOG": b"a pickle", "__zip_filename__": b"resnet.zip"}, "resnet.ipynb", True
        ),
        "macos": Layout(
            {
                "hw3.ipynb": right,
                "__MACOSX/._hw3.ipynb": RESOURCE_FORK,
                "._hw3.ipynb": RESOURCE_FORK,
                ".DS_Store": b"1",
            },
            "hw3.ipynb",
            True,
        ),
        "windows": Layout(
            {"hw\\.ipynb_checkpoints\\hw3-checkpoint.ipynb": STUBS, "hw\\hw3.ipynb": right}, "hw/hw3.ipynb", True
        ),
        "unpacked": Layout(
            {"hw3/model.ipynb": right, "hw3/plots.py": b"import matplotlib\n", "hw3/notes.txt": b"todo\n"},
            "hw3/model.ipynb",
        ),
        "nested": Layout(
            {"hw3/submit/final/hw3.ipynb": right, "hw3/report.pdf": b"%PDF"}, "hw3/submit/final/hw3.ipynb", True
        ),
        "copy": Layout({"hw3-Copy1.ipynb": STUBS, "hw3.ipynb": right}, "hw3.ipynb", True),
        "handout": Layout(handout(right), "resnet/assignment/resnet.ipynb", True),
        "notebook and script": Layout({"hw3.ipynb": right, "hw3.py": script}, "hw3.ipynb", True),
        "capital": Layout({"HW3.IPYNB": right}, "HW3.IPYNB"),
        "notebook and text": Layout({"hw3.ipynb": right, "hw3.txt": script}, "hw3.ipynb"),
    }
