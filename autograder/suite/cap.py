"""The cap of a question: a function that is neither the one asked for nor explained earns at most half of the points.

Most checks look at one property, and a class that computes something else can have many of them. The checks with the
marker `forward` compare the function itself.
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
    if all(set(outcome.mistakes) - EXPLAIN_NOTHING for outcome in wrong) or excess < 1e-9:
        return None
    message = Message(
        expected="the function that the question asks for, or one that differs from it by known mistakes",
        got="another function: see " + ", ".join(outcome.title.partition(":")[0] for outcome in wrong),
        hint="what single checks ask for is not enough by itself; build the layers that the text describes",
    )
    return Outcome(f"{PREFIX}{question}", question, TITLE, -excess, 0.0, "failed", True, message, failed_cases=1)
