"""What follows from one result: what was lost, what is deferred."""

from collections import Counter

from autograder.contract import POINTS
from autograder.grading.result import Result
from autograder.report.text import number
from autograder.submission.sanitize import sanitize
from autograder.suite.outcome import Outcome

STATUSES = {
    "graded": "graded",
    "incomplete": "names missing",
    "unreadable": "could not be read",
    "crashed": "crashed on import",
    "grader_failed": "no points: the grader failed",
}
"""Status to the words that explain it."""

LOST = ("timeout", "error", "failed")


def is_lost(test: Outcome) -> bool:
    """Whether the test judged the code and the code did not pass."""
    return test.outcome in LOST


def is_decided(grade: Result) -> bool:
    """Whether the grader came to a score; otherwise it failed itself."""
    return grade.status != "grader_failed"


def is_usable(grade: Result) -> bool:
    """Whether the submission had code that could be judged at all."""
    return grade.status in ("graded", "incomplete")


def has_full_marks(grade: Result) -> bool:
    """Whether every point that was possible was earned."""
    return 0 < grade.possible <= grade.score


def deferred_points(grade: Result, question: str | None = None) -> float:
    """Points that are not possible yet because their tests are deferred; of all questions when None.

    A deferred test has no possible points of its own, so they are what its question lacks to its full points.
    """
    deferred = {test.question for test in grade.tests if test.outcome == "deferred"}
    asked = deferred if question is None else deferred & {question}
    return sum(max(0.0, POINTS[q] - grade.questions[q].possible) for q in asked)


def training_in_words(grade: Result) -> str:
    """The accuracy of the network trained for q4; "" where none was trained."""
    training = grade.training
    if training is None:
        return ""
    reached = f"{100 * training.accuracy:.2f} % of at least {number(100 * training.threshold)} %"
    said = f"trained to {reached} in {number(training.seconds)} s"
    return f"{said}, {training.note}" if training.note else said


def mistakes(grade: Result) -> list[str]:
    """The names of the mistakes that were diagnosed, each once, in the order of the tests."""
    return list(dict.fromkeys(name for test in grade.tests for name in test.mistakes))


def in_words(name: str) -> str:
    """A mistake's name as people say it."""
    return name.replace("_", " ")


def labels(grades: list[Result]) -> list[str]:
    """What each submission is called: its file's name, and the result's where that is not enough."""
    times = Counter(grade.submission for grade in grades)
    return [_label(grade, unique=times[grade.submission] == 1) for grade in grades]


def _label(grade: Result, unique: bool) -> str:
    name = grade.submission
    return sanitize(name if unique or not grade.name else f"{name} ({grade.name})", one_line=True)
