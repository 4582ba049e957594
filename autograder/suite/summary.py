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
        outcomes: one that passed, or all that fail with the same message, or because of the same mistakes.
        message: shown once for all of them.
    """

    outcomes: tuple[Outcome, ...]
    message: Message

    @property
    def because(self) -> str:
        """How many checks fail because of the mistakes in the message; "" where no mistake is named."""
        if not self.outcomes[0].because:
            return ""
        return f"Because of this, {len(self.outcomes)} check{'s fail' if len(self.outcomes) > 1 else ' fails'}"

    @property
    def note(self) -> str:
        """How many checks or cases the message stands for; "" where it stands for one."""
        first, *others = self.outcomes
        if not self.message or first.outcome == "deferred" or (first.because and others):
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
    more = " or more: graders charge a mistake once, not each check" if any(o.because for o in judged) else ""
    return f"{question} {QUESTIONS[question]}: {count} {checks}, {earned:g} of {possible:g} points{more}"


def outlook(question: str, outcomes: Sequence[Outcome]) -> str:
    """How many points are judged elsewhere; "" when none are."""
    rest = POINTS[question] - sum(o.possible for o in outcomes)
    return f"{rest:g} more points are judged by checks that only graders have." if rest else ""


def group_by_message(outcomes: Sequence[Outcome]) -> list[Group]:
    """Put checks that fail because of the same mistakes first, and others with the same message together."""
    groups: dict[object, list[Outcome]] = {}
    for number, outcome in enumerate(sorted(outcomes, key=lambda outcome: not outcome.because)):
        key = outcome.because or ((outcome.outcome, outcome.message) if outcome.message else number)
        groups.setdefault(key, []).append(outcome)
    return [Group(tuple(members), _shared_message(members)) for members in groups.values()]


def _shared_message(outcomes: Sequence[Outcome]) -> Message:
    """The message that is shown once: of a named mistake only what it says about the student's code."""
    first = outcomes[0]
    if not first.because or len(outcomes) == 1:
        return first.message
    told = next((o for o in outcomes if o.message.where and o.outcome == "failed"), first)
    return Message(mistake=first.message.mistake, where=told.message.where)


def result_as_text(question: str, outcomes: Sequence[Outcome]) -> str:
    """The whole result of a question: headline, checks, messages, outlook."""
    lines = [headline(question, outcomes)]
    for group in group_by_message(outcomes):
        said = [f"        {line}" for line in (*as_text(group.message).splitlines(), group.note) if line]
        rows = [f"  {mark(o.outcome)} {o.outcome:<8} {o.points:g}/{o.possible:g}  {o.title}" for o in group.outcomes]
        if group.because:
            lines += [line[4:] for line in said] + [f"    {group.because}:"] + [f"    {row}" for row in rows]
        else:
            lines += rows + said
    return "\n".join([*lines, outlook(question, outcomes)]).rstrip()
