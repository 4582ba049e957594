"""Questions that are answered with a ready-made network: it is not there when the code runs, and they earn nothing.

Code that mentions one and does not use it, as behind `if pretrained:`, is judged by what it computes.
"""

from collections.abc import Iterable, Mapping

from autograder.contract import QUESTION_NAMES
from autograder.sandbox.ready_made import what_was_asked_for
from autograder.student.local import refused_questions
from autograder.student.message import Message
from autograder.suite.outcome import Outcome


def find_delegated(outcomes: Iterable[Outcome], places: Mapping[str, str]) -> dict[str, Message]:
    """For each question whose code asked for a ready-made network while it was judged, why it earns nothing.

    Args:
        outcomes: of tests of a confined submission.
        places: what `find_delegation` returns, which reads the code and does not run it.
    """
    found = {}
    for outcome in outcomes:
        if names := QUESTION_NAMES.get(outcome.question, ()):
            mentioned = {name: places[name] for name in names if name in places}
            said = outcome.message.got + (f"\n{outcome.message.where}" if mentioned else "")  # of all definitions
            if asked := what_was_asked_for(said):
                found |= mentioned or {names[0]: f"`{asked}`"}
    return refused_questions(found)
