"""What follows from one grade, as its result file holds it."""

from collections import Counter
from typing import Any

from autograder.contract import POINTS
from autograder.report.text import number, one_line

STATUSES = {
    "graded": "graded",
    "incomplete": "names missing",
    "unreadable": "could not be read",
    "crashed": "crashed on import",
}
"""Status to the words that explain it."""

LOST = ("timeout", "error", "failed")
OUTCOMES = (*LOST, "deferred", "passed")

Grade = dict[str, Any]
Test = dict[str, Any]


def is_lost(test: Test) -> bool:
    """Whether the test judged the code and the code did not pass."""
    return test["outcome"] in LOST


def is_usable(grade: Grade) -> bool:
    """Whether the submission had code that could be judged at all."""
    return grade["status"] in ("graded", "incomplete")


def has_full_marks(grade: Grade) -> bool:
    """Whether every point that was possible was earned."""
    return 0 < grade["possible"] <= grade["score"]


def deferred_questions(grade: Grade) -> list[str]:
    """The questions in which a test still waits for a CUDA GPU."""
    return list(dict.fromkeys(test["question"] for test in grade["tests"] if test["outcome"] == "deferred"))


def deferred_points(grade: Grade) -> float:
    """Points that were left out of the possible ones because their tests are deferred.

    A deferred test has no possible points of its own, so they are what its question lacks to its full number.
    """
    return sum(max(0.0, POINTS[q] - grade["questions"][q]["possible"]) for q in deferred_questions(grade))


def is_trained(grade: Grade) -> bool | None:
    """Whether the network was trained for q4; None where that was not asked yet."""
    training = grade.get("training")
    return None if training is None else training["trained"]


def training_in_words(grade: Grade) -> str:
    """How the network was trained and what it reached; "" where that was not asked yet."""
    training = grade.get("training")
    if training is None:
        return ""
    if not training["trained"]:
        return training["note"]
    reached = f"{100 * training['accuracy']:.2f} % of at least {number(100 * training['threshold'])} %"
    said = f"trained to {reached} in {number(training['seconds'])} s"
    return f"{said}, {training['note']}" if training["note"] else said


def mistakes(grade: Grade) -> list[str]:
    """The names of the mistakes that were diagnosed, each once, in the order of the tests."""
    return list(dict.fromkeys(name for test in grade["tests"] for name in test["mistakes"]))


def in_words(name: str) -> str:
    """A mistake's name as people say it."""
    return name.replace("_", " ")


def labels(grades: list[Grade]) -> list[str]:
    """What each submission is called: its file's name, and the result's where that is not enough."""
    times = Counter(grade["submission"] for grade in grades)
    return [_label(grade, unique=times[grade["submission"]] == 1) for grade in grades]


def _label(grade: Grade, unique: bool) -> str:
    name = grade["submission"]
    return one_line(name if unique or "result" not in grade else f"{name} ({grade['result']})")
