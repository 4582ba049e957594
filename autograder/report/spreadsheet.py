"""grades.csv: one row a submission, for spreadsheets and gradebooks."""

import csv
import io
import unicodedata
from pathlib import Path

from autograder.contract import QUESTIONS
from autograder.report.facts import Grade, deferred_points, is_trained, mistakes
from autograder.report.text import number, one_line, write_in_one_step

COLUMNS = (
    "submission",
    "status",
    "score",
    "possible",
    "percent",
    *QUESTIONS,
    "deferred",
    "training",
    "accuracy",
    "mistakes",
    "seconds",
    "result",
)


def write_csv(grades: list[Grade], path: Path) -> None:
    """Write one row a grade: points as numbers, percent of the possible points; empty where nothing was judged.

    `training` is "trained", or "proved" for a network that did not have to be; `accuracy` is in percent.
    """
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(_row(grade) for grade in grades)
    write_in_one_step(path, table.getvalue())


def _row(grade: Grade) -> list[str]:
    score, possible = grade["score"], grade["possible"]
    return [
        _text(grade["submission"]),
        grade["status"],
        number(score),
        number(possible),
        number(100 * score / possible) if possible else "",
        *(number(grade["questions"][q]["score"]) if q in grade["questions"] else "" for q in QUESTIONS),
        number(deferred_points(grade)),
        {True: "trained", False: "proved", None: ""}[is_trained(grade)],
        f"{100 * grade['training']['accuracy']:.2f}" if is_trained(grade) else "",
        _text(" ".join(mistakes(grade))),
        number(grade["seconds"]),
        _text(grade.get("result", "")),
    ]


def _text(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula, whatever a student called the file."""
    cell = one_line(cell)
    # Some programs also take the full-width forms; NFKC slots those into the plain ones.
    looks_like = unicodedata.normalize("NFKC", cell).lstrip()
    return f"'{cell}" if looks_like.startswith(("=", "+", "-", "@")) else cell
