"""Grades as the CSV file that a platform imports: its own export, with the grades filled in."""

import csv
import html
import io
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autograder.contract import POINTS, Problem
from autograder.course.handins import strangers, with_roster
from autograder.course.origin import Student
from autograder.course.roster import Roster
from autograder.grading.result import Result
from autograder.report.derived import (
    SHOWN,
    corrected,
    deferred_points,
    is_decided,
    late_points,
    possible,
    possible_points,
    total,
)
from autograder.report.text import NAMESAKES, count, number
from autograder.submission.sanitize import sanitize

CANVAS = ("student", "id", "sis user id", "sis login id", "integration id", "root account", "section")
"""The columns by which Canvas knows a student."""
FORMATS = ("canvas", "moodle", "gradescope")


class ExportProblem(Problem):
    """No file can be written; `str()` is one line for the TA."""


@dataclass(frozen=True)
class Export:
    """The text of a file, and what a TA must know about it.

    Args:
        filled: how many students have a grade in it.
        strangers: names of the results that belong to nobody in the roster.
        namesakes: names of the results that have the name of several students in the roster.
        several: names of results of one student; none of them is in the file.
        waiting: students whose grade lacks deferred points; the most that one of them can have is `reachable`.
        scaled: "", or how grades are converted to the points that the platform expects.
        undecided: names of the results without a grade, because the grader itself failed.
        partial: questions that were not judged, and how many students lack just these.
        added: "", or the column that is made because the roster has none for the assignment.
    """

    text: str
    filled: int
    strangers: tuple[str, ...]
    several: tuple[str, ...]
    waiting: int
    scaled: str
    undecided: tuple[str, ...] = ()
    partial: tuple[tuple[tuple[str, ...], int], ...] = ()
    added: str = ""
    namesakes: tuple[str, ...] = ()
    reachable: float = 0.0

    @property
    def notes(self) -> list[str]:
        """One line for each thing to know."""
        notes = [f"not in the roster: {', '.join(self.strangers)}"] if self.strangers else []
        if self.namesakes:
            notes.append(f"{NAMESAKES}: {', '.join(self.namesakes)}")
        if self.several:
            notes.append(f"not filled in, several results of one student: {'; '.join(self.several)}; keep one")
        if self.undecided:
            notes.append(f"without a grade, because the grader failed: {', '.join(self.undecided)}; grade them again")
        if self.waiting:
            most = f"{number(self.reachable)} of {number(_total())}"
            notes.append(
                f"{count(self.waiting, 'student')} with deferred points, which count 0 here: the most is {most} points"
            )
        for questions, students in self.partial:
            were = "was" if len(questions) == 1 else "were"
            notes.append(f"{count(students, 'student')}: {', '.join(questions)} {were} not judged: 0 points")
        if self.added:
            notes.append(f"no column with ResNet in its name in the roster: Canvas creates an assignment {self.added}")
        if self.scaled:
            notes.append(f"converted: {self.scaled}")
        return [sanitize(note, one_line=True) for note in notes]


def export(grades: Sequence[Result], roster: Roster, platform: str, column: str = "") -> Export:
    """Fill a platform's export with grades; students without a result keep what stands there.

    Args:
        platform: one of `FORMATS`.
        column: the assignment's column in Canvas; found by its name, "resnet", if it is not given, and made if there is
            none.

    Raises:
        ExportProblem: the roster is not an export of that platform, or has no such column, or no points to fill in.
    """
    if roster.platform not in FORMATS:
        raise ExportProblem(
            "the roster is a table of your own: give the export of Canvas, Moodle or Gradescope with --roster"
        )
    if roster.platform != platform:
        raise ExportProblem(f"the roster is no export of {platform} but of {roster.platform}: download it there")
    decided = [grade for grade in grades if is_decided(grade)]
    located = [grade.model_copy(update={"origin": with_roster(grade.origin, roster)}) for grade in decided]
    here = {entry.student for entry in roster.students}
    results: dict[Student, list[Result]] = {}
    for grade in located:
        for student in here & set(grade.origin.students):
            results.setdefault(student, []).append(grade)
    whose = {student: some[0] for student, some in results.items() if len(some) == 1}
    several = [" and ".join(grade.name for grade in some) for some in results.values() if len(some) > 1]
    unknown, namesakes = strangers(roster, {grade.name or grade.submission: grade.origin for grade in located})
    write = {"canvas": _canvas, "moodle": _moodle, "gradescope": _gradescope}[platform]
    rows, full = write(roster, whose, column)
    waiting = [deferred_points(grade) for grade in whose.values() if deferred_points(grade)]
    partial = Counter(lacking for grade in whose.values() if (lacking := _not_judged(grade)))
    table = io.StringIO()
    csv.writer(table, lineterminator="\r\n").writerows(rows)
    return Export(
        text=table.getvalue(),
        filled=len(whose),
        strangers=tuple(unknown),
        namesakes=tuple(namesakes),
        several=tuple(dict.fromkeys(several)),
        waiting=len(waiting),
        reachable=_total() - min(waiting, default=0.0),
        scaled="" if full == _total() else f"{number(_total())} points here are {number(full)} there",
        undecided=tuple(grade.name or grade.submission for grade in grades if not is_decided(grade)),
        partial=tuple(sorted(partial.items())),
        added=rows[0][-1] if platform == "canvas" and rows[0][-1] not in roster.header else "",
    )


def _total() -> float:
    return sum(POINTS.values())


def _not_judged(grade: Result) -> tuple[str, ...]:
    """Questions without a check that ran or waits, and without a correction."""
    return tuple(q for q in POINTS if q not in grade.questions and not possible_points(grade, q))


def _points(grade: Result, full: float) -> str:
    return f"{total(grade) * full / _total():.2f}"


def in_one_line(grade: Result) -> str:
    """The points of each question, as a student may see them, and what the grade on the platform is of."""
    judged = [q for q in POINTS if q not in _not_judged(grade)]
    rest = _total() - possible(grade)
    parts = [f"{q} {number(corrected(grade, q))}/{number(possible_points(grade, q))}" for q in judged]
    parts += [f"late: -{number(lost)}"] if (lost := late_points(grade)) else []
    points = f"{number(total(grade))} of {number(_total())} points" + f", {number(rest)} not judged" * (rest >= SHOWN)
    return f"{points}: {', '.join(parts)}"


_Rows = tuple[list[Sequence[str]], float]


def _canvas(roster: Roster, whose: dict[Student, Result], column: str) -> _Rows:
    lower = [title.strip().casefold() for title in roster.header]
    known = [place for place, title in enumerate(lower) if title in CANVAS]
    if column:
        there = [place for place, title in enumerate(lower) if title == column.strip().casefold()]
    else:
        there = [place for place, title in enumerate(lower) if "resnet" in title and place not in known]
    if column and not there:
        others = ", ".join(title for place, title in enumerate(roster.header) if place not in known) or "none"
        raise ExportProblem(f"--column {column}: the roster has no such column; its other columns: {others}")
    if any(place in known for place in there):
        raise ExportProblem(f"--column {column}: Canvas knows students by this column; name that of the assignment")
    if len(there) > 1:
        names = ", ".join(roster.header[place] for place in there)
        raise ExportProblem(f"several columns of the roster could be this assignment: {names}; choose with --column")
    title = roster.header[there[0]] if there else "ResNet"
    full = _full((_cell(row, there[0]) for row in roster.rows if there and _is_possible(row)), "Points Possible", title)
    rows: list[Sequence[str]] = [[*(roster.header[place] for place in known), title]]
    possible = ["    Points Possible", *[""] * (len(known) - 1), number(full)]
    rows.append(possible)
    for row, entry in zip(roster.rows, roster.entries, strict=True):
        if entry is not None and entry.student in whose:
            rows.append([*(_cell(row, place) for place in known), _points(whose[entry.student], full)])
    return rows, full


def _is_possible(row: Sequence[str]) -> bool:
    return row[0].strip().casefold() == "points possible"


def _moodle(roster: Roster, whose: dict[Student, Result], column: str) -> _Rows:
    places = {title.strip().casefold(): place for place, title in enumerate(roster.header)}
    if "grade" not in places:
        raise ExportProblem("the roster has no column Grade: download the grading worksheet of the assignment")
    maximum = places.get("maximum grade")
    full = _full((_cell(row, maximum) for row in roster.rows if maximum is not None), "Maximum Grade", "the roster")
    rows: list[Sequence[str]] = [roster.header]
    for row, entry in zip(roster.rows, roster.entries, strict=True):
        if grade := whose.get(entry.student) if entry is not None else None:
            row = [*row, *[""] * (len(roster.header) - len(row))]
            row[places["grade"]] = _points(grade, full)
            if "feedback comments" in places:
                row[places["feedback comments"]] = html.escape(in_one_line(grade), quote=False)
        rows.append(row)
    return rows, full


def _gradescope(roster: Roster, whose: dict[Student, Result], column: str) -> _Rows:
    added = ("Total Score", "Max Points", "Status")
    header = [title for title in roster.header if title not in added]
    kept = [place for place, title in enumerate(roster.header) if title not in added]
    rows: list[Sequence[str]] = [[*header, *added]]
    for row, entry in zip(roster.rows, roster.entries, strict=True):
        if entry is not None:
            grade = whose.get(entry.student)
            points = ("", "Missing") if grade is None else (_points(grade, _total()), "Graded")
            rows.append([*(_cell(row, place) for place in kept), points[0], number(_total()), points[1]])
    return rows, _total()


def _cell(row: Sequence[str], place: int) -> str:
    return row[place] if place < len(row) else ""


def _full(cells: Iterable[str], title: str, where: str) -> float:
    """The points that the platform expects, from the first cell that is not empty; those here if there is none."""
    text = next((cell.strip() for cell in cells if cell.strip()), str(_total()))
    try:
        full = float(text.replace(",", "."))
    except ValueError:
        full = math.nan
    if not 0 < full < math.inf:
        raise ExportProblem(f"{title} of {where} is {text}: it must be a number above 0")
    return full
