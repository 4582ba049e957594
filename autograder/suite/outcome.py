"""What a test found out about a submission."""

from collections.abc import Sequence
from dataclasses import dataclass

WORST_FIRST = ("timeout", "error", "failed", "deferred", "passed")
"""A parametrised test is as good as its worst case."""


@dataclass(frozen=True)
class Case:
    """One run of a test function: a parametrised test has several."""

    outcome: str
    message: str = ""
    misconceptions: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """One test function with all its cases; the fields are those of a result file."""

    id: str
    question: str
    title: str
    points: float
    possible: float
    outcome: str
    hidden: bool
    message: str
    misconceptions: tuple[str, ...]


def combine(id: str, question: str, title: str, points: float, cases: Sequence[Case]) -> Outcome:
    """Fold the cases of one test: it earns its points only when every case passes.

    A deferred test is left out of the possible points. The message is that of the first of the worst cases, because
    ten times the same sentence helps nobody, with a count of the others where they have something else to say.
    """
    worst = min((case.outcome for case in cases), key=WORST_FIRST.index)
    shown = next(case for case in cases if case.outcome == worst)
    message = shown.message
    lost = [case.message for case in cases if case.outcome not in ("passed", "deferred")]
    if len(set(lost)) > 1:
        message += f"\n({len(lost)} of {len(cases)} cases of this check do not pass; the first is shown.)"
    names = dict.fromkeys(name for case in cases for name in case.misconceptions)
    return Outcome(
        id=id,
        question=question,
        title=title,
        points=points if worst == "passed" else 0.0,
        possible=0.0 if worst == "deferred" else points,
        outcome=worst,
        hidden=id.startswith("hidden/"),
        message=message,
        misconceptions=tuple(names),
    )
