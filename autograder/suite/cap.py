"""The cap of a question: a function that is neither the one asked for nor explained earns at most half of the points.
So does one that named mistakes stop, for nobody sees what else it computes.

Most checks look at one property, and a class that computes something else can have many of them. The checks with the
marker `forward` compare the function itself; it is explained if each of them that fails does so because of a named
mistake.
"""

from collections.abc import Iterable

from autograder.contract import QUESTIONS
from autograder.student.message import Message
from autograder.suite.outcome import Outcome

SHARE = 0.5
EXPLAIN_NOTHING = {"block_ignored"}
"""Mistakes that are proved without a comparison of what the class computes."""
PREFIX = "not_explained/"
"""Begins the id of a line that takes points."""
STOPPED = "Does not run: a named mistake stops the code, so half of the question's points is the most."
TITLE = "Not explained: the function is not the one that the question asks for, so half of its points is the most."


def apply_cap(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """The outcomes, and after them a line with negative points for each question that earned more than its cap.

    Lines of this kind that are there already are replaced.
    """
    outcomes = [outcome for outcome in outcomes if not outcome.id.startswith(PREFIX)]
    lines = (_line(question, [o for o in outcomes if o.question == question]) for question in QUESTIONS)
    return [*outcomes, *(line for line in lines if line is not None)]


def _line(question: str, outcomes: list[Outcome]) -> Outcome | None:
    wrong = [outcome for outcome in outcomes if outcome.differs]
    excess = sum(o.points for o in outcomes) - SHARE * sum(o.possible for o in outcomes)
    priced = any(outcome.because for outcome in outcomes)
    unknown = [o for o in wrong if not set(o.because if priced else o.mistakes) - EXPLAIN_NOTHING]
    stopped = [o for o in wrong if o.stopped]
    if not (unknown or stopped) or excess < 1e-9:
        return None
    title, message = (TITLE, _not_explained(unknown)) if unknown else (STOPPED, _stopped(stopped))
    return Outcome(f"{PREFIX}{question}", question, title, -excess, 0.0, "failed", True, message, failed_cases=1)


def _not_explained(outcomes: list[Outcome]) -> Message:
    return Message(
        expected="the function that the question asks for, or one that differs from it by known mistakes",
        got=f"another function: see {_titles(outcomes)}",
        hint="what single checks ask for is not enough by itself; build the layers that the text describes",
    )


def _stopped(outcomes: list[Outcome]) -> Message:
    return Message(
        expected="code that runs, so that what it computes can be compared",
        got=f"an exception, because of what is named above: see {_titles(outcomes)}",
        hint="mend what is named, and run the checks again: they show what else there is, if anything",
    )


def _titles(outcomes: list[Outcome]) -> str:
    return ", ".join(outcome.title.partition(":")[0] for outcome in outcomes)
