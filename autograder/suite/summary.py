"""The result of a question in words: `grader.check` in the notebook and `pytest` in a terminal use the same ones."""

from collections.abc import Sequence
from dataclasses import dataclass

from autograder.contract import POINTS, QUESTIONS
from autograder.student.message import Message, as_text
from autograder.suite.outcome import Outcome

MARKS = {"passed": "✓", "deferred": "…"}
"""Anything else is a ✗. A word always stands beside the mark."""


@dataclass(frozen=True)
class Group:
    """Checks that share an outcome and its message.

    Args:
        outcomes: one that passed, or all that fail with the same message.
        message: shown once for all of them.
    """

    outcomes: tuple[Outcome, ...]
    message: Message

    @property
    def note(self) -> str:
        """How many checks or cases the message stands for; "" where it stands for one."""
        first, *others = self.outcomes
        if not self.message or first.outcome == "deferred":
            return ""
        if others:
            return f"(One reason for all {len(self.outcomes)} checks above.)"
        return failed_cases(first.cases, first.failed_cases)


def failed_cases(cases: int, failed: int) -> str:
    """How many cases of a check fail, in a sentence; "" where there is one case only."""
    if cases == 1:
        return ""
    return f"({failed} of {cases} cases of this check fail{'; the first is shown' if failed > 1 else 's'}.)"


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
    """How many points are judged elsewhere; "" when none are."""
    rest = POINTS[question] - sum(o.possible for o in outcomes)
    return f"{rest:g} more points are judged by checks that only graders have." if rest else ""


def group_by_message(outcomes: Sequence[Outcome]) -> list[Group]:
    """Put checks that fail with the same message together, at the place of the first one."""
    groups: dict[object, list[Outcome]] = {}
    for number, outcome in enumerate(outcomes):
        key = (outcome.outcome, outcome.message) if outcome.message else number
        groups.setdefault(key, []).append(outcome)
    return [Group(tuple(members), members[0].message) for members in groups.values()]


def result_as_text(question: str, outcomes: Sequence[Outcome]) -> str:
    """The whole result of a question: headline, checks, messages, outlook."""
    lines = [headline(question, outcomes)]
    for group in group_by_message(outcomes):
        for o in group.outcomes:
            lines.append(f"  {mark(o.outcome)} {o.outcome:<8} {o.points:g}/{o.possible:g}  {o.title}")
        lines += [f"        {line}" for line in (*as_text(group.message).splitlines(), group.note) if line]
    return "\n".join([*lines, outlook(question, outcomes)]).rstrip()
