"""grades.csv: one row a submission, for spreadsheets and gradebooks."""

import csv
import io
import unicodedata
from pathlib import Path

from autograder.contract import QUESTIONS
from autograder.grading.result import Result
from autograder.report.derived import deferred_points, is_decided, mistakes
from autograder.report.text import number
from autograder.submission.atomic_write import atomic_write
from autograder.submission.sanitize import sanitize

COLUMNS = (
    "submission",
    "status",
    "score",
    "possible",
    "percent",
    *QUESTIONS,
    "deferred",
    "accuracy",
    "mistakes",
    "seconds",
    "result",
)


def write_csv(grades: list[Result], path: Path) -> None:
    """Write one row a grade: points as numbers, percent of the possible points; empty where nothing was judged,
    or the grader itself failed.

    `accuracy` is that of the trained network, in percent.
    """
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_row(grade) for grade in grades)
    atomic_write(path, table.getvalue())


def _row(grade: Result) -> list[str]:
    score, possible, decided = grade.score, grade.possible, is_decided(grade)
    return [
        _text(grade.submission),
        grade.status,
        number(score) if decided else "",
        number(possible) if decided else "",
        number(100 * score / possible) if possible and decided else "",
        *(number(grade.questions[q].score) if q in grade.questions else "" for q in QUESTIONS),
        number(deferred_points(grade)),
        f"{100 * grade.training.accuracy:.2f}" if grade.training else "",
        _text(" ".join(mistakes(grade))),
        number(grade.seconds),
        _text(grade.name),
    ]


def _text(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula, whatever a student called the file."""
    cell = sanitize(cell, one_line=True)
    # Some programs also take the full-width forms; NFKC turns those into the plain ones.
    looks_like = unicodedata.normalize("NFKC", cell).lstrip()
    return f"'{cell}" if looks_like.startswith(("=", "+", "-", "@")) else cell
