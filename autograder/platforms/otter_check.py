"""Which submission has no result after `otter grade`, and why: it exits 0 and writes 0 points whatever happened."""

import csv
from collections.abc import Iterable
from pathlib import Path

from autograder.contract import Problem
from autograder.submission.sanitize import sanitize
from autograder.submission.upload import is_hidden

GRADES = "final_grades.csv"
"""What `otter grade` leaves in its output folder, one row a submission."""
MAXIMUM = "points-per-question"
"""Otter's name for the row with the points that are possible."""
KINDS = (".ipynb", ".py", ".zip")
"""Files that hold a submission."""
IN_SUBFOLDER = "`otter grade` takes only files directly in the folder: move it there, under a name of its own"
HINTS = {
    "Exit code: 137": "it was killed, most often for want of memory: grade with fewer --containers",
    "Exit code:": "`otter grade -vv` prints what the container said",
    "timed out": "give it more time with --timeout",
}


class NoGrades(Problem):
    """`otter grade` left nothing to read; `str()` is one line for the TA."""


def check(folders: Iterable[Path], submissions: Iterable[Path] = ()) -> tuple[list[str], list[str]]:
    """Return `(graded, problems)`: submissions with a result, and one line for each without.

    Args:
        folders: output folders of `otter grade`; each holds a `final_grades.csv`.
        submissions: what should have been graded, files and folders of files. What lies in their subfolders, which
            `otter grade` does not look into, is named by its path.

    Raises:
        NoGrades: a folder holds no whole `final_grades.csv` of Otter's.
    """
    rows = [row for folder in folders for row in _rows(folder / GRADES) if row["file"] != MAXIMUM]
    graded = [row["file"] for row in rows if row["grading_status"] == "Completed"]
    problems = {row["file"]: _why(row["grading_status"]) for row in rows if row["file"] not in graded}
    for name, file in (found for path in submissions for found in _expected(path)):
        if name not in (*graded, *problems):
            problems[name] = _why_not_graded(file.suffix, is_deep="/" in name)
    return graded, [sanitize(f"{name}: {why}", one_line=True) for name, why in problems.items()]


def _rows(path: Path) -> list[dict[str, str]]:
    try:
        with path.open(newline="", encoding="utf-8") as file:
            rows = list(csv.DictReader(file))
    except FileNotFoundError:
        raise NoGrades(f"{path}: no such file. `otter grade -o {path.parent}` writes it when it has finished") from None
    except OSError as error:
        raise NoGrades(f"{path}: cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise NoGrades(f"{path}: not written by `otter grade`: {error}") from None
    if not rows or not {"file", "grading_status"} <= rows[0].keys():
        raise NoGrades(f"{path}: not written by `otter grade`, or empty")
    if any(None in (row["file"], row["grading_status"]) for row in rows):
        raise NoGrades(f"{path}: a row is too short: not written by `otter grade`, or not finished")
    return rows


def _expected(given: Path) -> list[tuple[str, Path]]:
    """A file, or the files at any depth of a folder, with their paths in it; hidden ones are left out."""
    files = [(file.relative_to(given).as_posix(), file) for file in sorted(given.rglob("*"))]
    if not given.is_dir():
        files = [(given.name, given)]
    seen = [(name, file) for name, file in files if not is_hidden(name.rpartition("/")[0])]
    return [(name, file) for name, file in seen if file.is_file() and not file.name.startswith(".")]


def _why_not_graded(suffix: str, is_deep: bool) -> str:
    if suffix.lower() not in KINDS:
        return "not graded: no notebook, Python file or zip"
    if is_deep:
        return f"not graded; {IN_SUBFOLDER}"
    return f"not graded; `otter grade --ext {suffix[1:]}` takes {suffix} files, one kind a run"


def _why(status: str) -> str:
    line = " ".join(status.split())
    hint = next((hint for words, hint in HINTS.items() if words in line), "")
    return f"{line} ({hint})" if hint else line
