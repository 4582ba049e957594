"""What follows from one result: what was lost, what is deferred."""

import math
from collections import Counter
from pathlib import Path

from autograder.contract import POINTS
from autograder.course.corrections import LATE, CorrectionProblem
from autograder.course.rubric import standard_rubric
from autograder.grading.charge import is_charge
from autograder.grading.result import Result
from autograder.report.text import count, number
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

MINUS = "\N{MINUS SIGN}"
ROUNDING = 1e-6
"""Points that differ by less are the same: sums of fractions are not exact."""
SHOWN = 0.005
"""Half of the last digit that `number` shows."""
LOST = ("timeout", "error", "failed")


def is_lost(test: Outcome) -> bool:
    """Whether the test judged the code and the code did not pass."""
    return test.outcome in LOST


def earned(test: Outcome) -> str:
    """`4/4`, or `-7` where points are taken."""
    return number(test.points) if test.points < 0 else f"{number(test.points)}/{number(test.possible)}"


def charged(line: Outcome) -> str:
    """The line of a mistake in words, with a minus: `-5 ReLU before the addition`."""
    return f"{MINUS}{number(-line.points)} {line.title}"


def charges(grade: Result) -> list[Outcome]:
    """The lines of the mistakes that were charged."""
    return [test for test in grade.tests if is_charge(test)]


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

    A deferred test has no possible points of its own, so they are what its question lacks to its full points. Without
    code that can be judged there is nothing to wait for.
    """
    if not is_usable(grade):
        return 0.0
    deferred = {test.question for test in grade.tests if test.outcome == "deferred"}
    asked = deferred if question is None else deferred & {question}
    return sum(max(0.0, POINTS[q] - possible_points(grade, q)) for q in asked)


def corrected(grade: Result, question: str) -> float:
    """Points of a question with its corrections: at least 0, at most its full points."""
    score = grade.questions[question].score if question in grade.questions else 0.0
    change = grade.adjustment.points(question)
    return min(max(score + change, 0.0), max(score, POINTS[question])) if change else score


def possible_points(grade: Result, question: str) -> float:
    """Points of a question that count as possible: those that were judged, or all where corrections give more."""
    judged = grade.questions[question].possible if question in grade.questions else 0.0
    by_hand = grade.adjustment.points(question) and corrected(grade, question) - judged > ROUNDING
    return max(judged, POINTS[question]) if by_hand else judged


def possible(grade: Result) -> float:
    """What `total` is of."""
    return sum(possible_points(grade, question) for question in POINTS)


def corrected_score(grade: Result) -> float:
    """The score with all corrections, before late points are taken off."""
    return sum(corrected(grade, question) for question in POINTS)


def late_points(grade: Result) -> float:
    """Points that the submission loses because it is late, less those given back; never less than 0, never more."""
    lost = grade.adjustment.late_points
    return min(max(lost - grade.adjustment.points(LATE), 0.0), lost)


def total(grade: Result) -> float:
    """The points that count: score, corrections, late points; 0 to `possible`."""
    return corrected_score(grade) - late_points(grade)


def check_correction(grade: Result, question: str, points: float) -> None:
    """Raise `CorrectionProblem` if the question would have less than 0 points, or more than its full points.

    Late points that are given back are at least 0, at most those that are lost.
    """
    if not math.isfinite(points):
        raise CorrectionProblem(f"{points:g} is not a number of points")
    if points == 0:
        raise CorrectionProblem("0 points change nothing: no correction is made")
    name = sanitize(grade.name, one_line=True)
    if question == LATE:
        lost, back = grade.adjustment.late_points, grade.adjustment.points(LATE)
        # The loss may have shrunk since: what was given back can always be taken back.
        if back + points < -SHOWN if points < 0 else back + points > lost + SHOWN:
            raise CorrectionProblem(
                f"{name} loses {count(lost, 'late point')}, and {points:+g} would give back "
                f"{number(back + points)} of them"
            )
    if question not in POINTS:
        return
    full, before = POINTS[question], corrected(grade, question)
    if not 0 <= before + points <= full:
        raise CorrectionProblem(
            f"{question} of {name} has {number(before)} points, and {points:+g} would make "
            f"{number(before + points)}; it can have 0 to {number(full)}"
        )


def is_adjusted(grade: Result) -> bool:
    """Whether the points that count can differ from the score."""
    return bool(grade.adjustment.corrections or grade.adjustment.late_points)


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
    """A name as people say it."""
    return name.replace("_", " ")


def title_of(mistake: str) -> str:
    """What a mistake is called, in plain text."""
    return standard_rubric().title(mistake).replace("`", "")


def labels(grades: list[Result]) -> list[str]:
    """What each submission is called: its students' names, or its key and file, whatever tells them apart."""
    names = [" and ".join(student.name for student in grade.origin.students if student.name) for grade in grades]
    times = Counter([*(name or grade.submission for name, grade in zip(names, grades, strict=True))])
    return [
        sanitize(_label(grade, name, times[name or grade.submission] == 1), one_line=True)
        for name, grade in zip(names, grades, strict=True)
    ]


def _label(grade: Result, name: str, unique: bool) -> str:
    if name:
        return name if unique else f"{name} ({grade.name or grade.submission})"
    key = grade.origin.key
    if key and key != Path(grade.submission).stem:  # `resnet.ipynb` is nobody's name
        return f"{key} ({grade.submission})"
    return grade.submission if unique or not grade.name else f"{grade.submission} ({grade.name})"
