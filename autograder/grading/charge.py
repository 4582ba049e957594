"""One mistake, one price: the checks that fail because of named mistakes are charged together, once for each mistake.

The mistake has a line of its own with negative points: its price in the rubric of the course, and never more than the
checks that fail because of it are worth. So no question earns less than if each check were charged.
"""

from collections.abc import Iterable
from dataclasses import replace

from autograder.contract import POINTS, QUESTION_NAMES
from autograder.course.rubric import Rubric
from autograder.student.message import Message
from autograder.suite.cap import EXPLAIN_NOTHING
from autograder.suite.outcome import Outcome

PREFIX = "mistake/"
"""Begins the id of a line that charges a mistake: `mistake/q1/relu_before_add`."""


def is_charge(outcome: Outcome) -> bool:
    """Whether this is the line of a mistake, and no test."""
    return outcome.id.startswith(PREFIX)


def is_charged_by_mistake(outcome: Outcome) -> bool:
    """Whether a check fails, and the lines of its mistakes take points for it."""
    return outcome.question in QUESTION_NAMES and bool(set(outcome.because) - EXPLAIN_NOTHING)


def charge(outcomes: Iterable[Outcome], rubric: Rubric) -> list[Outcome]:
    """The outcomes with the lines of all mistakes, each before the first check that fails because of it.

    The checks keep their outcome, and their points are not taken. Lines that are there already are replaced.
    """
    tests = [replace(o, points=o.possible) if is_charged_by_mistake(o) else o for o in outcomes if not is_charge(o)]
    left = {o.id: o.possible for o in tests if is_charged_by_mistake(o)}
    charged: list[Outcome] = []
    done: set[tuple[str, str]] = set()
    for test in tests:
        for name in test.because if is_charged_by_mistake(test) else ():
            if (test.question, name) not in done:
                same = [o for o in tests if o.id in left and o.question == test.question and name in o.because]
                charged.append(_line(name, same, _take(left, same, rubric.share(name) * POINTS[test.question]), rubric))
                done.add((test.question, name))
        charged.append(test)
    return charged


def is_better(first: Iterable[Outcome], second: Iterable[Outcome], rubric: Rubric) -> bool:
    """Whether the first outcomes earn more than the second, once mistakes are charged."""
    return _earned(first, rubric) > _earned(second, rubric)


def _earned(outcomes: Iterable[Outcome], rubric: Rubric) -> float:
    return sum(outcome.points for outcome in charge(outcomes, rubric))


def public_part(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """What does not depend on hidden checks: the public outcomes, with lines that take what public checks are worth.

    The part of a price that only the worth of hidden checks allows is left out.
    """
    public = [outcome for outcome in outcomes if not outcome.hidden]
    left = {o.id: o.possible for o in public if is_charged_by_mistake(o)}
    shown = []
    for one in public:
        if is_charge(one):
            checks = [o for o in public if o.id in left and o.question == one.question and one.mistakes[0] in o.because]
            one = replace(one, points=-_take(left, checks, -one.points))
        shown.append(one)
    return shown


def _take(left: dict[str, float], checks: list[Outcome], price: float) -> float:
    """Take a price from what is left of the worth of these checks; returns what could be taken.

    Checks that fail because of several mistakes come last: what is left of them pays for another mistake.
    """
    taken = 0.0
    for check in sorted(checks, key=lambda check: len(check.because)):
        part = min(left[check.id], price - taken)
        left[check.id] -= part
        taken += part
    return taken


def _line(name: str, checks: list[Outcome], points: float, rubric: Rubric) -> Outcome:
    """The line of one mistake. Students see it if they have a check that fails because of it; it names only those."""
    told = [check for check in checks if not check.hidden] or checks
    first = checks[0]
    sentences = first.message.mistake.split("\n")
    sentence = sentences[first.because.index(name)] if len(sentences) == len(first.because) else sentences[0]
    titles = ", ".join(check.title.partition(":")[0] for check in told)
    kind = "hidden check" if told[0].hidden else "check"
    counted = f"{kind} fails" if len(told) == 1 else f"{kind}s fail"
    return Outcome(
        id=f"{PREFIX}{first.question}/{name}",
        question=first.question,
        title=rubric.title(name),
        points=-points or 0.0,
        possible=0.0,
        outcome="failed",
        hidden=told[0].hidden,
        message=Message(mistake=f"{sentence}\nBecause of this, {len(told)} {counted}: {titles}.".strip()),
        mistakes=(name,),
        failed_cases=1,
    )
