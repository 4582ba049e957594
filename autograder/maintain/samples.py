"""Write the sample submissions of `make demo`: what a class really hands in, as files.

    python -m autograder.maintain.samples FOLDER

They are made from the master, the gallery and the odd inputs in `tests/grader/samples`, so they never go stale.
"""

import functools
import shutil
import sys
import zipfile
from pathlib import Path

import nbformat

from autograder.maintain.build import NOTEBOOK, ROOT, solved_notebook, solved_source, without_markers
from autograder.maintain.gallery import Entry, as_notebook, complete, load_gallery

GALLERY = ROOT / "tests" / "grader" / "gallery"
ODD = ROOT / "tests" / "grader" / "samples"

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


@functools.cache
def entries() -> dict[str, Entry]:
    """The gallery by name."""
    return {entry.name: entry for entry in load_gallery(GALLERY)}


def write_samples(folder: Path) -> list[Path]:
    """Write the sample submissions into `folder`, which is emptied first; returns them."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
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


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m autograder.maintain.samples FOLDER")
    print(f"wrote {len(write_samples(Path(sys.argv[1])))} sample submissions to {sys.argv[1]}")
