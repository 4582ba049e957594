"""Does the suite still tell right from wrong? The gallery is graded, and every surprise is listed."""

import tempfile
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from autograder.maintain.build import solved_source
from autograder.maintain.gallery import Entry, complete
from autograder.maintain.gallery_runner import run_gallery
from autograder.report.text import count, number
from autograder.student.message import as_text
from autograder.suite.outcome import Outcome


@dataclass(frozen=True)
class Graded:
    """A gallery entry and what the suite made of it."""

    entry: Entry
    outcomes: tuple[Outcome, ...]

    def lost(self) -> list[Outcome]:
        """Tests that lost points, in any question."""
        return [outcome for outcome in self.outcomes if outcome.points < outcome.possible]

    def lost_in_its_question(self) -> list[Outcome]:
        """Those of the question that the entry gets wrong."""
        return [outcome for outcome in self.lost() if outcome.question == self.entry.question]

    def lost_elsewhere(self) -> list[Outcome]:
        """Those of other questions: the student would pay twice.

        q4 trains the network of q3: one that does not run or learn loses there too.
        """
        own = ("q3", "q4") if self.entry.question == "q3" else (self.entry.question,)
        return [outcome for outcome in self.lost() if outcome.question not in own]

    def seen_by_students(self) -> list[Outcome]:
        """Those of its question that students have."""
        return [outcome for outcome in self.lost_in_its_question() if not outcome.hidden]

    @property
    def names(self) -> tuple[str, ...]:
        """The mistakes that were named, in its question."""
        mine = [outcome for outcome in self.outcomes if outcome.question == self.entry.question]
        return tuple(dict.fromkeys(name for outcome in mine for name in outcome.mistakes))


@dataclass(frozen=True)
class Findings:
    """The graded gallery, and what is surprising about it."""

    graded: tuple[Graded, ...]

    @property
    def right(self) -> list[Graded]:
        """The right entries."""
        return [g for g in self.graded if g.entry.right]

    @property
    def wrong(self) -> list[Graded]:
        """The wrong entries."""
        return [g for g in self.graded if not g.entry.right]

    @property
    def rejected(self) -> list[Graded]:
        """Right entries that lost points."""
        return [g for g in self.right if g.lost()]

    @property
    def accepted(self) -> list[Graded]:
        """Wrong entries that lost none in their question."""
        return [g for g in self.wrong if not g.lost_in_its_question()]

    @property
    def spilled(self) -> list[Graded]:
        """Wrong entries that lost points in a question that they get right."""
        return [g for g in self.wrong if g.lost_elsewhere()]

    @property
    def labelled(self) -> list[Graded]:
        """Wrong entries whose mistake has a name in the catalogue."""
        return [g for g in self.wrong if g.entry.misconception]

    @property
    def misnamed(self) -> list[Graded]:
        """Labelled entries for which another mistake was named, alone or among others."""
        return [g for g in self.labelled if set(g.names) - {g.entry.misconception}]

    @property
    def unnamed(self) -> list[Graded]:
        """Labelled entries for which none was named."""
        return [g for g in self.labelled if not g.names]

    @property
    def unseen(self) -> list[Graded]:
        """Wrong entries that pass every public check of their question."""
        return [g for g in self.wrong if not g.seen_by_students()]

    def exact(self, public: bool = False) -> list[Graded]:
        """Labelled entries that get exactly their name; with `public`, from a check that students have."""
        named = [(g, g.seen_by_students() if public else g.lost_in_its_question()) for g in self.labelled]
        return [g for g, lost in named if {name for o in lost for name in o.mistakes} == {g.entry.misconception}]

    @property
    def idle(self) -> list[Outcome]:
        """Tests that no entry fails; those that are deferred on this machine do not count."""
        failed = {outcome.id for g in self.graded for outcome in g.lost()}
        tests = {o.id: o for g in self.graded for o in g.outcomes if o.outcome != "deferred"}
        return [outcome for id, outcome in tests.items() if id not in failed]

    @property
    def sound(self) -> bool:
        """Nothing is wrong with the suite; idle tests and mistakes without a name are no fault."""
        return not (self.rejected or self.accepted or self.spilled or self.misnamed)


def examine(entries: Collection[Entry], jobs: int, advance: Callable[[str], None] = lambda name: None) -> Findings:
    """Run the whole suite on every entry, completed by the solution; see `autograder.maintain.gallery_runner`.

    Raises:
        GraderBroken: an entry could not be graded.
    """
    solution = solved_source()
    graded: dict[str, Graded] = {}
    with tempfile.TemporaryDirectory() as scratch:
        files = {Path(scratch) / "entries" / f"{entry.name}.py": entry for entry in entries}
        (Path(scratch) / "entries").mkdir()
        for path, entry in files.items():
            path.write_text(complete(entry, solution), encoding="utf-8")
        reference = Path(scratch) / "solution.py"
        reference.write_text(solution, encoding="utf-8")
        for path, outcomes in run_gallery(reference, files, jobs):
            graded[files[path].name] = Graded(files[path], tuple(outcomes))
            advance(files[path].name)
    return Findings(tuple(graded[entry.name] for entry in entries))


def print_findings(findings: Findings, console: Console, chosen: bool = False) -> None:
    """One page: a verdict, then every surprise with its reason and what to do.

    Args:
        chosen: only some entries are graded: what each loses is printed, and nothing is said of idle tests.
    """
    parts = [count(len(findings.right), "right submission"), count(len(findings.wrong), "wrong one")]
    console.print(Text(f"{' and '.join(parts)} graded with the whole suite", style="bold"))
    for graded in findings.graded if chosen else ():
        console.print(Padding(_losses(graded, graded.lost()), (0, 0, 0, 8)))
    for title, advice, rows, serious in _sections(findings, chosen):
        style = "green" if not rows else "red" if serious else "yellow"
        console.print(Text(f"{len(rows):>4}  {title}", style=style))
        if rows:
            console.print(Padding(Text(advice, style="italic"), (0, 0, 0, 6)))
        for row in rows:
            console.print(Padding(row, (0, 0, 0, 8)))
    for what, exact in (("", findings.exact()), (" by public checks", findings.exact(public=True))):
        share = f"{len(exact) * 100 / len(findings.labelled):.1f} %" if findings.labelled else "none labelled"
        line = f"exact names{what}: {len(exact)} of {len(findings.labelled)} labelled mistakes ({share})"
        console.print(line, highlight=False)
    verdict = "the suite tells right from wrong" if findings.sound else "the suite needs work: see above"
    console.print(Text(verdict, style="bold green" if findings.sound else "bold red"))


def _sections(findings: Findings, chosen: bool) -> Iterator[tuple[str, str, list[Text], bool]]:
    """Title, what a TA should do, rows, and whether it makes the suite unsound."""
    yield (
        "right submissions below full marks",
        "The test is unfair, or the entry is not right: read its message and repair one of the two.",
        [_losses(g, g.lost()) for g in findings.rejected],
        True,
    )
    yield (
        "wrong submissions at full marks in their question",
        "No test notices the mistake: add one, or sharpen one, in the files of that question.",
        [_row(g, f"{g.entry.question}: {g.entry.title}") for g in findings.accepted],
        True,
    )
    yield (
        "wrong submissions that lose points in another question",
        "The test depends on code of another question: judge it with a probe instead.",
        [_losses(g, g.lost_elsewhere()) for g in findings.spilled],
        True,
    )
    yield (
        "diagnoses that name the wrong mistake",
        "Both compute the same here: see `autograder/oracle/edits` and the shapes in `diagnose.py`.",
        [_row(g, f"is {g.entry.misconception}, named {', '.join(g.names)}") for g in findings.misnamed],
        True,
    )
    yield (
        "labelled mistakes that get no name",
        "No entry of the catalogue reproduces it; the students read what was measured instead.",
        [_row(g, f"is {g.entry.misconception}") for g in findings.unnamed],
        False,
    )
    yield (
        "wrong submissions that pass every public check of their question",
        "Students learn of the mistake from their grade: can a public check show it?",
        [_row(g, f"{g.entry.question}: {g.entry.title}") for g in findings.unseen],
        False,
    )
    if chosen:
        return
    yield (
        "tests that no entry fails",
        "Dead weight, or the gallery lacks the mistake that the test is for: write that entry.",
        [Text.assemble(outcome.id, (f"  {outcome.title}", "dim")) for outcome in findings.idle],
        False,
    )


def _row(graded: Graded, reason: str) -> Text:
    return Text.assemble((f"{graded.entry.path.parent.name}/{graded.entry.name}", "bold"), f"  {reason}")


def _losses(graded: Graded, outcomes: list[Outcome]) -> Text:
    rows = [_row(graded, f"loses {number(sum(o.possible for o in outcomes))} in {count(len(outcomes), 'test')}")]
    for outcome in outcomes[:3]:
        first = as_text(outcome.message).split("\n")[0][:160]
        rows.append(Text(f"  {outcome.id}: {first}", style="dim"))
    return Text("\n").join(rows)
