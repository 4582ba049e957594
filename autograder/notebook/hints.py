"""Stepped hints: what `grader.hint("q1")` shows after a check. How many were used is not recorded anywhere."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from autograder.oracle.steps import EXAMPLES, ShapeStep, steps_of
from autograder.student.message import NO_MESSAGE, Message, as_text, first_of
from autograder.suite.outcome import Outcome

FIRST = "Where and why"
SECOND = "The steps of the question, and the shapes between them"
WRONG_STEP = "your code differs here, or just before"
"""Just before, where the student's code has a step too many."""


@dataclass(frozen=True)
class Hint:
    """What is shown for one call of `grader.hint`.

    Args:
        title: a line above the rest.
        message: the parts of the message of a check that fails.
        steps: the table of steps; empty in the first hint.
        marked: the names of the steps that the student's code does otherwise, where they are known.
        last: a line below.
    """

    title: str
    message: Message = NO_MESSAGE
    steps: tuple[ShapeStep, ...] = ()
    marked: frozenset[str] = frozenset()
    last: str = ""

    def __repr__(self) -> str:
        rows = [
            f"  {_indent(step)}{step.words:<70} {step.shape}{f'   <- {WRONG_STEP}' if step.name in self.marked else ''}"
            for step in self.steps
        ]
        return "\n".join(filter(None, (self.title, as_text(self.message), *rows, self.last)))

    def _repr_html_(self) -> str:
        cell = "text-align:left;padding:2px 12px"
        rows = "".join(
            f'<tr><td style="{cell}">{escape(step.words)}</td><td style="{cell}">{step.shape}</td>'
            f'<td style="{cell}"><strong>{WRONG_STEP if step.name in self.marked else ""}</strong></td></tr>'
            for step in self.steps
        )
        heads = "".join(f'<th scope="col" style="{cell}">{word}</th>' for word in ("Step", "Shape of its result", ""))
        table = f'<table style="border-collapse:collapse"><tr>{heads}</tr>{rows}</table>' if rows else ""
        said = f'<pre style="white-space:pre-wrap;font-size:inherit">{escape(as_text(self.message))}</pre>'
        return (
            f"<p><strong>{escape(self.title)}</strong></p>{said if self.message else ''}{table}"
            f"<p>{escape(self.last)}</p>"
        )


def _indent(step: ShapeStep) -> str:
    """The shortcut stands beside F(x)."""
    return "  " if step.name.startswith("shortcut") else ""


def make_hint(question: str, outcomes: Sequence[Outcome], diagnosis: Any, number: int) -> Hint:
    """The first or the second hint about a question whose checks fail.

    Args:
        outcomes: of its public checks.
        diagnosis: of `autograder.oracle.diagnosis_of`, None where no mistake is named.
        number: 1 for where and why, 2 for the steps.
    """
    failed = [o for o in outcomes if o.failed]
    if not failed:
        return Hint(f"{question}: every check passes, so there is nothing to hint at.")
    message = failed[0].message
    if message.mistake:
        message = first_of([o.message for o in failed])
    if question not in EXAMPLES:
        return Hint(FIRST, message, last="A network learns if its parts are right: check q1 to q3 first.")
    if number == 1:
        return Hint(FIRST, message, last=f'One more hint: run grader.hint("{question}") again.')
    name, program, shape = EXAMPLES[question]
    marked = frozenset() if diagnosis is None else diagnosis.changed_steps(program)
    title = f"{SECOND}: {name} on an input of shape {shape}"
    return Hint(title, steps=tuple(steps_of(program, shape)), marked=marked)
