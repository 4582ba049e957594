"""What `grade` says on the terminal: a progress bar, a table, one line about the class."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from autograder.contract import QUESTIONS
from autograder.grading.result import Result, Score
from autograder.report.class_view import overview
from autograder.report.derived import is_decided, labels
from autograder.report.submission_view import adjustments, arrange, first_reason
from autograder.report.text import count, number, percent
from autograder.student.message import as_text
from autograder.submission.sanitize import sanitize

if TYPE_CHECKING:  # imports torch, which takes a second
    from autograder.grading.similar import Pair

SHORTEST_NAME, FAIR_NAME, LONGEST_NAME = 12, 18, 30
SHORTEST_REASON = 28
GAP = 2


def print_table(grades: list[Result], console: Console) -> None:
    """Print one row a grade, as wide as the terminal allows, and a summary of the class.

    Where there is no room, the reason goes first, then the questions; names are cut, numbers never.
    """
    names = _Column("submission", [Text(label) for label in labels(grades)])
    status = _Column("status", [_status(grade) for grade in grades])
    questions = [
        _Column(q, [_points(grade.questions.get(q)) for grade in grades], justify="right")
        for q in QUESTIONS
        if any(q in grade.questions for grade in grades)
    ]
    score = _Column("score", [_points(grade if is_decided(grade) else None) for grade in grades], justify="right")
    share = _Column("%", [_percent(grade) for grade in grades], justify="right")
    reason = _Column("first points lost", [Text(first_reason(grade), style="dim") for grade in grades])

    room = console.width - sum(column.width + GAP for column in (status, *questions, score, share))
    if room < SHORTEST_NAME:
        room += sum(column.width + GAP for column in questions)
        questions = []
    with_reason = room >= min(names.width, FAIR_NAME) + GAP + SHORTEST_REASON
    longest = min(names.width, LONGEST_NAME)
    left = room - GAP - SHORTEST_REASON if with_reason else room
    columns = [names.cut(max(1, min(longest, left))), status, *questions, score, share]
    if with_reason:
        columns.append(reason.cut(room - names.width - GAP))
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bold")
    for column in columns:
        width, justify = column.width, column.justify
        table.add_column(column.name, justify=justify, width=width, no_wrap=True, overflow="ellipsis")
    for row in zip(*(column.cells for column in columns), strict=True):
        table.add_row(*row)
    console.print(table)
    console.print(Text(sanitize(summary(grades), one_line=True)), soft_wrap=True)


def print_pairs(pairs: Sequence["Pair"], compared: int, console: Console) -> None:
    """Print which submissions are nearly the same."""
    if pairs:
        table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style="bold")
        table.add_column("same", justify="right")
        table.add_column("only these two", justify="right")
        table.add_column("submissions", overflow="fold")
        for pair in pairs:
            names = Text(sanitize("  ".join(pair.names), one_line=True))
            table.add_row(f"{pair.share:.0%}", f"{pair.alone:.0%}", names)
        console.print(table)
    said = f"{count(len(pairs), 'pair')} of {count(compared, 'submission')} nearly the same after renaming"
    hint = "; a hint, no proof: right answers to a small task are alike. Look first at what only these two have"
    console.print(Text(said + hint * bool(pairs)), soft_wrap=True)


def print_result(grade: Result, console: Console) -> None:
    """Print one result: each question, why it lost points, corrections and late points."""
    (label,) = labels([grade])
    sheet = arrange(grade, label, "s")
    lines = [f"{label}: {sheet.total or sheet.score}", sheet.why, *sheet.problems]
    for question in sheet.questions:
        if not (question.judged or question.by_hand):
            continue
        lines += ["", f"{question.id} {question.title}: {question.all_of_possible}"]
        for finding in question.findings:
            checks = [f"  {finding.outcome} {check.score} {check.title}".replace("  ", " ") for check in finding.checks]
            said = [f"    {line}" for line in as_text(finding.message).splitlines()]
            if finding.charged:
                checks = [f"    {finding.because}", *(f"     {check}" for check in checks)] if checks else []
                lines += [f"  {finding.charged}", *said, *checks]
            else:
                lines += [*checks, *said]
    lines += ["", *adjustments(grade), *(f"{name}: {value}" for name, value in sheet.facts)]
    console.print(Text(sanitize("\n".join(lines))), soft_wrap=True)


class _Column:
    """A column of the table; its width is that of its widest cell until it is cut."""

    def __init__(self, name: str, cells: list[Text], justify: Literal["left", "right"] = "left"):
        self.name, self.cells, self.justify = name, cells, justify
        self.width = max(len(name), *(cell.cell_len for cell in cells), 0)

    def cut(self, width: int) -> "_Column":
        """Make the column exactly this wide; what is longer ends in an ellipsis."""
        self.width = width
        return self


def summary(grades: list[Result]) -> str:
    """The class in one line."""
    facts = overview(grades)
    said = [f"{count(facts.total, 'submission')}: " + ", ".join(f"{n} {status}" for status, n in facts.statuses)]
    if facts.mean is not None and facts.median is not None:
        said += [f"mean {facts.mean:.1f} %, median {facts.median:.1f} %", f"{facts.full} with full marks"]
    if facts.waiting:
        said.append(f"{facts.waiting} with up to {count(facts.waiting_points, 'point')} deferred to a CUDA GPU")
    if facts.trained:
        said.append(f"{count(facts.trained, 'network')} trained")
    if len(facts.versions) > 1:
        said.append("graded by different graders: " + ", ".join(f"{n} by {name}" for name, n in facts.versions))
    return "; ".join(said).removesuffix(": ")


class Advance:
    """Shows the progress of a run: call it with each finished name.

    On a terminal this is a bar; in a log file, a line for every tenth of the work.
    """

    def __init__(self, total: int, console: Console, bar: Progress | None):
        self._total, self._console, self._bar, self._done = total, console, bar, 0
        self._task = bar.add_task("", total=total) if bar else None

    def skip(self, number: int) -> None:
        """So many need nothing; on a terminal the bar shows them, in a log file another line says so."""
        self._done += number
        if self._bar:
            self._bar.update(self._task, advance=number)

    def __call__(self, name: str) -> None:
        """One more is done."""
        self._done += 1
        if self._bar:
            self._bar.update(self._task, advance=1, description=Text(sanitize(name, one_line=True)[:30]).markup)
        elif self._done * 10 // self._total > (self._done - 1) * 10 // self._total:
            self._console.print(f"{self._done} of {self._total} ({self._done * 100 // self._total} %)", highlight=False)

    def tell(self, line: str) -> None:
        """Show what is going on, where there is a bar."""
        if self._bar:
            self._bar.update(self._task, description=Text(sanitize(line, one_line=True)[:60]).markup)


@contextmanager
def progress(total: int, console: Console | None = None) -> Iterator[Advance]:
    """Show the progress of a run over `total` submissions."""
    console = console or Console(stderr=True)
    if not console.is_terminal:
        yield Advance(total, console, None)
        return
    with _bar(console) as bar:
        yield Advance(total, console, bar)


def _bar(console: Console) -> Progress:
    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    return Progress(*columns, console=console, transient=True)


def _status(grade: Result) -> Text:
    return Text(grade.status, style="" if grade.status == "graded" else "yellow")


def _percent(grade: Result) -> Text:
    share = percent(grade.score, grade.possible) if is_decided(grade) else None
    return Text("-" if share is None else f"{share} %")


def _points(scores: Result | Score | None) -> Text:
    if scores is None:
        return Text("-")
    full = scores.score >= scores.possible
    style = "green" if full else "yellow" if scores.score > 0 else "red"
    return Text(f"{number(scores.score)}/{number(scores.possible)}", style=style)
