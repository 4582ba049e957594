"""The outcomes of a question in words: `grader.check` in the notebook and `pytest` in a terminal say the same."""

from collections.abc import Sequence
from dataclasses import dataclass

from autograder.contract import POINTS, QUESTIONS
from autograder.suite.outcome import Outcome

MARKS = {"passed": "✓", "deferred": "…"}
"""Anything else is a ✗. A word always stands beside the mark."""


@dataclass(frozen=True)
class Group:
    """Checks that have the same to say.

    Args:
        outcomes: one that passed, or all that fail with the same message.
        message: said once for all of them.
    """

    outcomes: tuple[Outcome, ...]
    message: str


def mark(outcome: str) -> str:
    """The sign of an outcome."""
    return MARKS.get(outcome, "✗")


def headline(question: str, outcomes: Sequence[Outcome]) -> str:
    """How many checks pass and what they earn, in one line."""
    judged = [o for o in outcomes if o.outcome != "deferred"]
    passed = sum(o.outcome == "passed" for o in judged)
    earned, possible = sum(o.points for o in judged), sum(o.possible for o in judged)
    checks = "check passes" if len(judged) == 1 else "checks pass"
    count = f"all {passed}" if passed == len(judged) > 1 else f"{passed} of {len(judged)}"
    return f"{question} {QUESTIONS[question]}: {count} {checks}, {earned:g} of {possible:g} points"


def outlook(question: str, outcomes: Sequence[Outcome]) -> str:
    """What these checks do not tell; "" when nothing is left."""
    rest = POINTS[question] - sum(o.possible for o in outcomes)
    return f"{rest:g} more points are judged by checks that only graders have." if rest else ""


def fold(outcomes: Sequence[Outcome]) -> list[Group]:
    """Put checks that fail with the same message together, where the first of them stands."""
    groups: dict[object, list[Outcome]] = {}
    for number, outcome in enumerate(outcomes):
        key = (outcome.outcome, outcome.message) if outcome.message else number
        groups.setdefault(key, []).append(outcome)
    return [Group(tuple(members), members[0].message) for members in groups.values()]


def reason(group: Group) -> str:
    """The message of a group, with a word on how many checks it stands for."""
    if len(group.outcomes) == 1:
        return group.message
    return f"{group.message}\n(One reason for all {len(group.outcomes)} checks above.)"


def as_text(question: str, outcomes: Sequence[Outcome]) -> str:
    """The whole result of a question: headline, checks, messages, outlook."""
    lines = [headline(question, outcomes)]
    for group in fold(outcomes):
        for o in group.outcomes:
            lines.append(f"  {mark(o.outcome)} {o.outcome:<8} {o.points:g}/{o.possible:g}  {o.title}")
        lines += [f"        {line}" for line in reason(group).splitlines()]
    return "\n".join([*lines, outlook(question, outcomes)]).rstrip()
