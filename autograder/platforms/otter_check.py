"""Which submission has no result after `otter grade`, and why: it exits 0 and writes 0 points whatever happened."""

import csv
from collections.abc import Iterable
from pathlib import Path

from autograder.contract import Problem
from autograder.submission.sanitize import sanitize

GRADES = "final_grades.csv"
"""What `otter grade` leaves in its output folder, one row a submission."""
MAXIMUM = "points-per-question"
"""Otter's name for the row with the points that are possible."""
KINDS = (".ipynb", ".py", ".zip")
"""Files that hold a submission."""
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
        submissions: what should have been graded, files and folders of files.

    Raises:
        NoGrades: a folder holds no whole `final_grades.csv` of Otter's.
    """
    rows = [row for folder in folders for row in _rows(folder / GRADES) if row["file"] != MAXIMUM]
    graded = [row["file"] for row in rows if row["grading_status"] == "Completed"]
    problems = {row["file"]: _why(row["grading_status"]) for row in rows if row["file"] not in graded}
    expected = [file for path in submissions for file in (sorted(path.iterdir()) if path.is_dir() else [path])]
    for file in expected:
        if file.is_file() and not file.name.startswith(".") and file.name not in (*graded, *problems):
            problems[file.name] = _why_not_graded(file.suffix)
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


def _why_not_graded(suffix: str) -> str:
    if suffix.lower() not in KINDS:
        return "not graded: no notebook, Python file or zip"
    return f"not graded; `otter grade --ext {suffix[1:]}` takes {suffix} files, one kind a run"


def _why(status: str) -> str:
    line = " ".join(status.split())
    hint = next((hint for words, hint in HINTS.items() if words in line), "")
    return f"{line} ({hint})" if hint else line
