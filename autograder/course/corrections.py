"""What people change about a grade, and why: a log beside the results, which regrading leaves alone."""

import getpass
import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from autograder.contract import QUESTIONS, Problem
from autograder.submission.sanitize import utf8

FILE = "corrections.jsonl"
LATE = "late"
"""In place of a question: points given back of those that a late submission loses."""


class CorrectionProblem(Problem):
    """A correction cannot be made or read; `str()` is one line."""


class Correction(BaseModel):
    """One line of the log; `name` is that of the result. Several corrections of one question add up."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    when: str
    who: str
    name: str
    question: str
    points: float
    reason: str = Field(min_length=1)


@dataclass(frozen=True)
class Adjustment:
    """What is added to a score, and taken off it, after grading."""

    corrections: tuple[Correction, ...] = ()
    days_late: int = 0
    late_points: float = 0.0

    def points(self, question: str) -> float:
        """What the corrections add to a question."""
        return sum(one.points for one in self.corrections if one.question == question)


def read_corrections(folder: Path) -> list[Correction]:
    """The log of a results folder, from the first entry to the last.

    Raises:
        CorrectionProblem: a line is broken; the file is a person's work, and nothing in it is skipped.
    """
    path = folder / FILE
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n") if path.exists() else []
    except (OSError, UnicodeDecodeError) as error:
        raise CorrectionProblem(f"{path}: cannot be read: {error}") from None
    found = []
    for number, line in enumerate(lines, 1):
        if line.strip():
            try:
                found.append(Correction.model_validate_json(line))
            except ValidationError as error:
                said = error.errors(include_url=False)[0]["msg"]
                todo = "repair or delete this line"
                raise CorrectionProblem(f"{path}:{number}: not a correction: {said}; {todo}") from None
    return found


def add_correction(folder: Path, name: str, question: str, points: float, reason: str, who: str = "") -> Correction:
    """Append one entry to the log.

    Raises:
        CorrectionProblem: the question is unknown, there is no reason, or the log cannot be written.
    """
    if question not in (*QUESTIONS, LATE):
        raise CorrectionProblem(f"{question}: the questions are {', '.join(QUESTIONS)}, and {LATE} for late points")
    if not reason.strip():
        raise CorrectionProblem("a correction needs a reason: students read it")
    now = datetime.now(UTC).isoformat(sep=" ", timespec="seconds")
    entry = Correction(
        when=now,
        who=utf8(who or _user()),
        name=name,
        question=question,
        points=points,
        reason=utf8(reason.strip()),
    )
    append_corrections(folder, [entry])
    return entry


def append_corrections(folder: Path, entries: Iterable[Correction]) -> None:
    """Append entries to the log of a results folder, in one write.

    Raises:
        CorrectionProblem: the log cannot be written.
    """
    lines = "".join(f"{entry.model_dump_json()}\n" for entry in entries)
    try:
        with (folder / FILE).open("a+b") as file:
            end = file.seek(0, os.SEEK_END)
            file.seek(max(0, end - 1))
            start = "" if file.read(1) in (b"", b"\n") else "\n"  # a line that a person or a full disk left open
            file.write(f"{start}{lines}".encode())
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        raise CorrectionProblem(f"{folder / FILE}: cannot be written: {error.strerror}") from None


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # in a container, a user can have no name
        return f"uid {os.getuid()}"


def of_result(corrections: Iterable[Correction], name: str) -> tuple[Correction, ...]:
    """The corrections of one result."""
    return tuple(one for one in corrections if one.name == name)
