"""Write the sample submissions of `make demo`: what a class really hands in, as files.

    python -m autograder.maintain.samples FOLDER

They are made from the master, the gallery and the odd inputs in `tests/grader/samples`, so they never go stale.
"""

import argparse
import functools
import shutil
import sys
import zipfile
from collections.abc import Collection, Sequence
from pathlib import Path

import nbformat

from autograder.contract import Problem
from autograder.maintain.build import NOTEBOOK, ROOT, solved_notebook, solved_source, without_markers
from autograder.maintain.gallery import Entry, as_notebook, complete, load_gallery

GALLERY = ROOT / "tests" / "grader" / "gallery"
ODD = ROOT / "tests" / "grader" / "samples"
OWN = ".samples"
"""The file that names the samples of a folder, one a line; only these are ever removed."""

STYLES = ("functional_style",)
MISTAKES = (
    "q1_relu_before_add",
    "q1_shortcut_without_batchnorm",
    "q1_missing_last_relu",
    "q1_conv_bias",
    "q2_stride_on_first_1x1",
    "q2_missing_middle_relu",
    "q2_expansion_2",
    "q3_maxpool_in_stem",
    "q3_blocks_in_list",
    "q3_softmax_output",
    "q3_num_classes_hard_coded",
)
"""Gallery entries that the demonstration shows; the gallery has many more."""


def solution_notebook() -> nbformat.NotebookNode:
    """The handout's notebook with the master's answers in place of the stubs."""
    notebook = nbformat.read(ROOT / NOTEBOOK, as_version=4)
    answers = iter(
        c.source for c in solved_notebook().cells if c.cell_type == "code" and "# BEGIN SOLUTION" in c.source
    )
    for cell in notebook.cells:
        if "otter_answer_cell" in cell.metadata.get("tags", []):
            cell.source = without_markers(next(answers))
    return notebook


class NotOurs(Problem):
    """A folder holds what is no sample; `str()` is one line that says so."""


@functools.cache
def entries() -> dict[str, Entry]:
    """The gallery by name."""
    return {entry.name: entry for entry in load_gallery(GALLERY)}


def write_samples(folder: Path) -> list[Path]:
    """Write the sample submissions into `folder`, which is new or empty; returns them.

    Raises:
        NotOurs: it holds something.
        OSError: it cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    _require_nothing_but(folder, ())
    solution = solution_notebook()
    nbformat.write(solution, folder / "solution.ipynb")
    shutil.copy(ROOT / NOTEBOOK, folder / "stubs.ipynb")
    gallery = entries()
    for name in STYLES:
        (folder / f"{name}.py").write_text(complete(gallery[name], solved_source()), encoding="utf-8")
    for name in MISTAKES:
        nbformat.write(as_notebook(gallery[name], solution), folder / f"{name}.ipynb")
    with zipfile.ZipFile(folder / "exported.zip", "w") as archive:  # as grader.export() makes it
        archive.write(folder / "solution.ipynb", "resnet.ipynb")
        archive.writestr(".OTTER_LOG", b"a pickle that nobody may read")
        archive.writestr("__zip_filename__", "resnet_2026_01_01.zip")
    for path in ODD.iterdir():
        shutil.copy(path, folder)
    return sorted(folder.iterdir())


def write_again(folder: Path) -> list[Path]:
    """As `write_samples`; what an earlier call wrote is replaced, and nothing else is ever removed."""
    marker = folder / OWN
    own = {OWN, *marker.read_text(encoding="utf-8").splitlines()} if marker.is_file() else set()
    for path in _require_nothing_but(folder, own) if folder.exists() else ():
        path.unlink()
    written = write_samples(folder)
    marker.write_text("".join(f"{path.name}\n" for path in written), encoding="utf-8")
    return written


def _require_nothing_but(folder: Path, own: Collection[str]) -> list[Path]:
    """The files of a folder, if all have these names; others are somebody's work."""
    found = sorted(folder.iterdir())
    if others := [path.name for path in found if path.name not in own or path.is_dir()]:
        named = ", ".join(others[:3]) + ", ..." * (len(others) > 3)
        raise NotOurs(
            f"{folder}: holds what is no sample of an earlier run ({named}): give another folder, or empty it"
        )
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the samples; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m autograder.maintain.samples", description=__doc__.split("\n")[0])
    parser.add_argument("folder", type=Path, help="a new or empty folder, or one with samples of an earlier run")
    folder = parser.parse_args(arguments).folder
    try:
        print(f"wrote {len(write_again(folder))} sample submissions to {folder}")
    except (NotOurs, OSError) as problem:
        print(f"python -m autograder.maintain.samples: {problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
