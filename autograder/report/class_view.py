"""What follows from all grades together: how the class did, and what it gets wrong."""

import statistics
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from autograder.contract import QUESTIONS
from autograder.grading.charge import is_charge
from autograder.grading.result import Result
from autograder.report.derived import (
    STATUSES,
    deferred_points,
    has_full_marks,
    is_decided,
    is_lost,
    is_usable,
)
from autograder.report.text import percent
from autograder.suite.outcome import Outcome


@dataclass(frozen=True)
class QuestionMean:
    """How the class did in one question; `full` of `judged` submissions have all points; `bins` as of `Overview`."""

    id: str
    title: str
    percent: float
    full: int
    judged: int
    bins: tuple[int, ...]


@dataclass(frozen=True)
class Item:
    """One check as an examination sees it.

    Args:
        title: of the check.
        question: its question.
        hidden: whether students do not have it.
        judged: submissions that it judged.
        difficulty: share of them that passed, in percent.
        discrimination: correlation of passing it with the points in all other checks; None where all passed or none.
    """

    title: str
    question: str
    hidden: bool
    judged: int
    difficulty: float
    discrimination: float | None


@dataclass(frozen=True)
class Mistake:
    """A mistake or a test, and the submissions that have it or fail it: (index of the grade, index of its test).

    `points` is what its lines took from all of them together; 0 for a test.
    """

    anchor: str
    name: str
    questions: tuple[str, ...]
    hidden: bool
    share: float
    points: float
    places: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Overview:
    """The class in numbers.

    Args:
        mean, median: percent of the possible points over all submissions with a score and possible points; None without
            any.
        bins: submissions with 0-9 %, 10-19 %, ..., 90-99 %, 100 %.
        statuses: status and number, those that occur.
        waiting: submissions with deferred tests; waiting_points is the most that one of them has deferred.
        trained: submissions whose network was trained.
        undecided: submissions on which the grader itself failed.
        unconfined: submissions that were graded without isolation.
        versions: graders that differ in code, and how many submissions each graded.
        unusable: submissions without code that could be judged; `mistakes` and `checks` leave them out.
    """

    total: int
    mean: float | None
    median: float | None
    full: int
    bins: tuple[int, ...]
    statuses: tuple[tuple[str, int], ...]
    questions: tuple[QuestionMean, ...]
    waiting: int
    waiting_points: float
    trained: int
    undecided: int
    unconfined: int
    unusable: int
    mistakes: tuple[Mistake, ...]
    checks: tuple[Mistake, ...]
    items: tuple[Item, ...]
    versions: tuple[tuple[str, int], ...]


def overview(grades: list[Result]) -> Overview:
    """Count everything that the page and the terminal say about the class."""
    decided = [grade for grade in grades if is_decided(grade)]
    shares = [100 * grade.score / grade.possible for grade in decided if grade.possible > 0]
    deferred = [points for grade in grades if (points := deferred_points(grade))]
    statuses = [grade.status for grade in grades]
    mistakes, checks = _mistakes(grades)
    graders = {grade.grader.code: grade.grader.in_words() for grade in grades}
    return Overview(
        total=len(grades),
        mean=statistics.fmean(shares) if shares else None,
        median=statistics.median(shares) if shares else None,
        full=sum(map(has_full_marks, decided)),
        bins=_bins((grade.score, grade.possible) for grade in decided),
        statuses=tuple((status, statuses.count(status)) for status in STATUSES if status in statuses),
        questions=tuple(mean for question in QUESTIONS if (mean := _question_mean(grades, question))),
        waiting=len(deferred),
        waiting_points=max(deferred, default=0.0),
        trained=sum(grade.training is not None for grade in grades),
        undecided=len(grades) - len(decided),
        unconfined=sum("unsafe" in grade.isolation for grade in grades),
        unusable=sum(not is_usable(grade) for grade in grades),
        mistakes=mistakes,
        checks=checks,
        items=_items(grades),
        versions=tuple((graders[code], n) for code, n in Counter(g.grader.code for g in grades).most_common()),
    )


def _items(grades: list[Result]) -> tuple[Item, ...]:
    """Difficulty and discrimination of each check, over the submissions with code that could be judged."""
    found: dict[str, list[tuple[Outcome, float]]] = {}
    for grade in grades:
        for test in grade.tests if is_usable(grade) else ():
            if test.possible:
                found.setdefault(test.id, []).append((test, grade.score - test.points))
    return tuple(_item([test for test, _ in same], [rest for _, rest in same]) for same in found.values())


def _item(tests: list[Outcome], rests: list[float]) -> Item:
    shares = [float(test.outcome == "passed") for test in tests]
    varies = len(set(shares)) > 1 and len(set(rests)) > 1
    discrimination = statistics.correlation(shares, rests) if varies else None
    first = tests[0]
    return Item(first.title, first.question, first.hidden, len(tests), 100 * statistics.fmean(shares), discrimination)


def _bins(points: Iterable[tuple[float, float]]) -> tuple[int, ...]:
    bins = [0] * 11
    for score, possible in points:
        share = percent(score, possible)
        if share is not None:
            bins[min(share // 10, 10)] += 1
    return tuple(bins)


def _question_mean(grades: list[Result], question: str) -> QuestionMean | None:
    scores = [s for grade in grades if (s := grade.questions.get(question)) and s.possible > 0]
    if not scores:
        return None
    shares = [100 * s.score / s.possible for s in scores]
    full = sum(s.score >= s.possible for s in scores)
    bins = _bins((s.score, s.possible) for s in scores)
    return QuestionMean(question, QUESTIONS[question], statistics.fmean(shares), full, len(scores), bins)


def _mistakes(grades: list[Result]) -> tuple[tuple[Mistake, ...], tuple[Mistake, ...]]:
    """The mistakes, and the tests, each ranked by how many submissions they cost points."""
    mistakes: dict[str, _Places] = {}
    checks: dict[str, _Places] = {}
    usable = [(index, grade) for index, grade in enumerate(grades) if is_usable(grade)]
    for index, grade in usable:
        for number, test in enumerate(grade.tests, 1):
            if is_lost(test):
                if not is_charge(test):
                    checks.setdefault(test.id, _Places(test.title)).add(index, number, test)
                for name in test.mistakes:
                    mistakes.setdefault(name, _Places(name)).add(index, number, test)
    return _ranked("m", mistakes.values(), len(usable)), _ranked("c", checks.values(), len(usable))


class _Places:
    """Where a mistake was found: the first test of each submission."""

    def __init__(self, name: str):
        self.name = name
        self.questions: set[str] = set()
        self.hidden = True
        self.first: dict[int, int] = {}
        self.points = 0.0

    def add(self, grade: int, number: int, test: Outcome) -> None:
        self.questions.add(test.question)
        self.hidden &= test.hidden
        self.first.setdefault(grade, number)
        self.points -= test.points if is_charge(test) else 0.0


def _ranked(prefix: str, found: Iterable[_Places], of: int) -> tuple[Mistake, ...]:
    ranking = sorted(found, key=lambda one: (-len(one.first), -one.points, min(one.questions), one.name))
    return tuple(
        Mistake(
            anchor=f"{prefix}{rank}",
            name=places.name,
            questions=tuple(sorted(places.questions)),
            hidden=places.hidden,
            share=100 * len(places.first) / of,
            points=places.points,
            places=tuple(places.first.items()),
        )
        for rank, places in enumerate(ranking, 1)
    )
