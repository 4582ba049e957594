"""grades.csv: one row a submission, for spreadsheets and gradebooks."""

import csv
import io
import unicodedata
from collections.abc import Iterable
from pathlib import Path

from autograder.contract import QUESTIONS
from autograder.course.origin import Student
from autograder.grading.result import Result
from autograder.report.derived import (
    charged,
    charges,
    corrected_score,
    deferred_points,
    is_decided,
    late_points,
    mistakes,
    possible,
    total,
)
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
    "charged",
    "seconds",
    "result",
    "id",
    "name",
    "email",
    "section",
    "submitted",
    "late",
    "days_late",
    "late_points",
    "corrections",
    "total",
)
MISSING = "missing"
"""The status of a student of the roster who handed in nothing."""


def write_csv(grades: list[Result], path: Path, missing: Iterable[Student] = ()) -> None:
    """Write one row a grade: points as numbers, percent of the possible points; empty where nothing was judged,
    or the grader itself failed.

    `accuracy` is that of the trained network, in percent; `charged` holds the price of each mistake; `total` is what
    counts after corrections and late points. Students in `missing` get a row without points.
    """
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_row(grade) for grade in grades)
    empty = [""] * (COLUMNS.index("id") - 2)
    writer.writerows(["", MISSING, *empty, *_student([student]), *[""] * 6] for student in missing)
    atomic_write(path, table.getvalue())


def _student(students: Iterable[Student]) -> list[str]:
    """Id, name, e-mail and section; those of a group in one cell each."""
    rows = [(student.id, student.name, student.email, student.section) for student in students]
    return [text_cell("; ".join(dict.fromkeys(filter(None, cells)))) for cells in zip(*rows, strict=True)] or [""] * 4


def _row(grade: Result) -> list[str]:
    score, of, decided = grade.score, possible(grade), is_decided(grade)
    return [
        text_cell(grade.submission),
        grade.status,
        number(score) if decided else "",
        number(of) if decided else "",
        number(100 * score / of) if of and decided else "",
        *(number(grade.questions[q].score) if q in grade.questions else "" for q in QUESTIONS),
        number(deferred_points(grade)),
        f"{100 * grade.training.accuracy:.2f}" if grade.training else "",
        text_cell(" ".join(mistakes(grade))),
        text_cell("; ".join(f"{line.question} {charged(line)}" for line in charges(grade))),
        number(grade.seconds),
        text_cell(grade.name),
        *_student(grade.origin.students),
        grade.origin.submitted,
        "yes" if grade.origin.late else "",
        str(grade.adjustment.days_late),
        number(late_points(grade)),
        number(corrected_score(grade) - score),
        number(total(grade)) if decided else "",
    ]


def text_cell(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula, whatever a student called the file."""
    cell = sanitize(cell, one_line=True)
    # Some programs also take the full-width forms; NFKC turns those into the plain ones.
    looks_like = unicodedata.normalize("NFKC", cell).lstrip()
    return f"'{cell}" if looks_like.startswith(("=", "+", "-", "@")) else cell
