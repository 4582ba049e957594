"""The result of a check: what became of each case, and of the test as a whole."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from autograder.student.message import NO_MESSAGE, Message

WORST_FIRST = ("timeout", "error", "failed", "deferred", "passed")
"""A parametrized test has the outcome of its worst case."""


@dataclass(frozen=True)
class Case:
    """One run of a test function: a parametrized test has several."""

    outcome: str
    message: Message = NO_MESSAGE
    mistakes: tuple[str, ...] = ()
    because: tuple[str, ...] = ()
    """Those of `mistakes` that are the reason why it fails."""
    differs: bool = False
    """The student's function was compared with the reference, and it computes something else or raises."""
    stopped: bool = False
    """It raises because of `because`, and nothing of what the class computes could be compared."""


@dataclass(frozen=True)
class Outcome:
    """One test function with all its cases; the fields are those of a result file.

    Args:
        id: `hidden/test_q1_hidden.py::test_forward`.
        title: first line of the test's docstring.
        points: what was earned, of `possible`; negative in lines of `suite.cap` and `grading.charge`.
        outcome: one of `WORST_FIRST`.
        hidden: whether students do not have this test.
        message: of the first of the worst cases; empty where every case passed.
        mistakes: names of the mistakes that were diagnosed in any case.
        cases: how many there are.
        failed_cases: how many of them fail.
        differs: whether the function was compared with the reference and is another one, see `autograder.suite.cap`.
        because: where every case that fails does so because of a named mistake, the names of these mistakes. It is not
            charged by itself then, see `autograder.grading.charge`.
        stopped: whether one of them raises because of them, and nothing of what the class computes could be compared.
    """

    id: str
    question: str
    title: str
    points: float
    possible: float
    outcome: str
    hidden: bool
    message: Message = NO_MESSAGE
    mistakes: tuple[str, ...] = ()
    cases: int = 1
    failed_cases: int = 0
    differs: bool = False
    because: tuple[str, ...] = ()
    stopped: bool = False

    @property
    def failed(self) -> bool:
        """Whether it neither passed nor was deferred."""
        return self.outcome not in ("passed", "deferred")


def is_losing(outcomes: Iterable[Outcome]) -> bool:
    """Whether any test costs points."""
    return any(outcome.points < outcome.possible for outcome in outcomes)


def combine(id: str, question: str, title: str, points: float, cases: Sequence[Case]) -> Outcome:
    """Combine the cases of one test: it earns its points only when every case passes.

    A deferred test is left out of the possible points. Only the first of the worst cases is explained, one that no
    named mistake explains if there is one: the others tend to have the same reason.
    """
    worst = min((case.outcome for case in cases), key=WORST_FIRST.index)
    told = min((case for case in cases if case.outcome == worst), key=lambda case: bool(case.because))
    failed = [case for case in cases if case.outcome not in ("passed", "deferred")]
    explained = failed if all(case.because for case in failed) else []
    because = tuple(dict.fromkeys(name for case in explained for name in case.because))
    return Outcome(
        id=id,
        question=question,
        title=title,
        points=points if worst == "passed" else 0.0,
        possible=0.0 if worst == "deferred" else points,
        outcome=worst,
        hidden=id.startswith("hidden/"),
        message=_with_all_sentences(told.message, because, explained),
        mistakes=tuple(dict.fromkeys(name for case in cases for name in case.mistakes)),
        cases=len(cases),
        failed_cases=len(failed),
        differs=any(case.differs for case in cases),
        because=because,
        stopped=any(case.stopped for case in explained),
    )


def _with_all_sentences(message: Message, because: Sequence[str], cases: Iterable[Case]) -> Message:
    """The message with a sentence for each of the mistakes that explain the cases, where all are known."""
    said: dict[str, str] = {}
    for case in cases:
        sentences = case.message.mistake.split("\n")
        if len(sentences) == len(case.because):
            said = {**dict(zip(case.because, sentences, strict=True)), **said}
    if not because or not all(said.get(name) for name in because):
        return message
    return replace(message, mistake="\n".join(said[name] for name in because))
