"""What `grade` says about files before it grades: whose they are, which do not count, who handed in nothing."""

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from autograder.course.handins import Handin
from autograder.course.origin import Student
from autograder.report.text import NAMESAKES, count
from autograder.submission.sanitize import sanitize

GAP = 2
OF_SEVERAL_FOLDERS = "files in several folders; if they are of several students, give the folder above these instead"
UNLIMITED = 100_000
"""Columns where nothing is to be wrapped."""


@dataclass(frozen=True)
class Found:
    """What was found where submissions lie.

    Args:
        folders: each file with the folder that was given.
        counted: what counts for each student.
        others: the other files, each with what counts in its place.
        ignored: files that are no submissions.
        strangers: the names of what belongs to nobody in the roster.
        namesakes: the names of what has the name of several students in the roster.
        missing: students of the roster who handed in nothing.
    """

    folders: Mapping[Path, Path]
    counted: Sequence[Handin]
    others: Mapping[Path, Handin]
    ignored: Sequence[Path] = ()
    strangers: Sequence[str] = ()
    namesakes: Sequence[str] = ()
    missing: Sequence[Student] = ()


def print_handins(found: Found, console: Console) -> None:
    """Print what would be graded and by whom it is; in a log file each result is one line."""
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bold")
    for name in ("result", "student", "file"):
        table.add_column(name, overflow="fold")
    for one in found.counted:
        cells = (one.name, _students(one), _path(one.file, found.folders))
        table.add_row(*(Text(sanitize(text, one_line=True)) for text in cells))
    console.print(table, width=None if console.is_terminal else UNLIMITED, crop=console.is_terminal)


def print_passed_over(found: Found, console: Console) -> None:
    """Print which files do not count and why, and whom the roster lacks or has without a file; a line each."""
    for line in _passed_over(found):
        console.print(Text(sanitize(line, one_line=True)), soft_wrap=True)


def _passed_over(found: Found) -> Iterator[str]:
    of_several = set()
    for file, instead in found.others.items():
        yield f"not counted: {file}: {instead.name} also handed in {instead.file}"
        if found.folders.get(file) != found.folders.get(instead.file) and not instead.origin.students:
            of_several.add(instead.name)
    if of_several:
        yield f"{OF_SEVERAL_FOLDERS}: {', '.join(sorted(of_several))}"
    for one in found.counted:
        if one.origin.problem:
            yield f"not graded: {one.name}: {one.origin.problem} Say which with `grade FILE`"
    if found.ignored:
        yield f"not graded, no submission: {', '.join(map(str, found.ignored))}"
    if found.strangers:
        yield f"not in the roster: {', '.join(found.strangers)}"
    if found.namesakes:
        yield f"{NAMESAKES}: {', '.join(found.namesakes)}"
    if found.missing:
        names = ", ".join(student.name or student.email or student.id for student in found.missing)
        yield f"{count(len(found.missing), 'student')} of the roster handed in nothing: {names}"


def _students(one: Handin) -> str:
    return "; ".join(s.name or s.email or s.id for s in one.origin.students) or one.origin.key


def _path(file: Path, folders: Mapping[Path, Path]) -> str:
    """The path below the folder that was given; as it is where several were."""
    if len(given := {*folders.values()}) > 1:
        return str(file)
    return os.path.relpath(file, *given)
