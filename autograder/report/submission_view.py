"""One grade arranged to answer "why did I lose points?"."""

from dataclasses import dataclass, replace

from autograder.contract import QUESTIONS
from autograder.course.corrections import Correction
from autograder.grading.charge import is_charge, is_charged_by_mistake
from autograder.grading.result import Result
from autograder.report.derived import (
    charged,
    corrected,
    deferred_points,
    earned,
    is_adjusted,
    is_decided,
    is_lost,
    is_usable,
    late_points,
    mistakes,
    possible,
    possible_points,
    title_of,
    total,
    training_in_words,
)
from autograder.report.text import count, local_time, number, of_possible, percent, without_accents
from autograder.student.message import Message, first_of
from autograder.submission.sanitize import sanitize
from autograder.suite.outcome import Outcome


@dataclass(frozen=True)
class Check:
    """One test of one submission."""

    anchor: str
    title: str
    hidden: bool
    score: str
    cases: str


_Reason = tuple[str, tuple[str, ...], Message]
"""Outcome, mistakes and message; tests that share them are shown together."""


@dataclass(frozen=True)
class Finding:
    """Tests of one question with one outcome for one reason; the reason is said once.

    `charged` is the line of a mistake that has a price, "" otherwise; then the checks fail because of it.
    """

    outcome: str
    checks: tuple[Check, ...]
    message: Message
    mistakes: tuple[str, ...]
    charged: str = ""
    anchor: str = ""

    @property
    def because(self) -> str:
        """How many checks fail because of the mistake; "" where that is said already, or none is charged."""
        return f"Because of this: {count(len(self.checks), 'check')}" if self.charged and self.checks else ""


@dataclass(frozen=True)
class QuestionSheet:
    """One question of one submission, its points with their corrections.

    `judged` is False where `--only` left it out; `by_hand` is "+3", or "" without a correction.
    """

    id: str
    title: str
    judged: bool
    score: float
    possible: float
    deferred: float
    findings: tuple[Finding, ...]
    passed: tuple[Check, ...]
    by_hand: str = ""

    @property
    def level(self) -> str:
        """How full the question is: "full", "some" or "none"; colours only repeat what the numbers say."""
        if self.score >= self.possible:
            return "full"
        return "some" if self.score > 0 else "none"

    @property
    def width(self) -> int:
        """Length of the bar in percent."""
        return percent(self.score, self.possible) or 0

    @property
    def fraction(self) -> str:
        """`21/25`."""
        return f"{number(self.score)}/{number(self.possible)}"

    @property
    def all_of_possible(self) -> str:
        """`21/25 (84 %)`, and how a person changed that."""
        return of_possible(self.score, self.possible) + f", corrected by {self.by_hand}" * bool(self.by_hand)


@dataclass(frozen=True)
class Sheet:
    """All that the page shows of one submission."""

    anchor: str
    label: str
    status: str
    score: str
    percent: int | None
    why: str
    problems: tuple[str, ...]
    questions: tuple[QuestionSheet, ...]
    deferred: float
    mistakes: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    search: str
    corrections: tuple[Correction, ...] = ()
    days_late: int = 0
    late_points: str = ""
    total: str = ""


def arrange(grade: Result, label: str, anchor: str, anonymous: bool = False) -> Sheet:
    """Arrange a grade; anchors of its tests begin with `anchor` and count the tests.

    With `anonymous`, nothing says how the grade came about: a hash, too, tells whose file it is.
    """
    anchors = {id(test): f"{anchor}t{index}" for index, test in enumerate(grade.tests, 1)}
    questions = tuple(_question(grade, question, anchors, anonymous) for question in QUESTIONS)
    names = mistakes(grade)
    adjusted = is_adjusted(grade)
    lossy = [q.id for q in questions if q.score < q.possible]
    return Sheet(
        anchor=anchor,
        label=label,
        status=grade.status,
        score=of_possible(grade.score, grade.possible) if is_decided(grade) else "no score",
        percent=percent(grade.score, grade.possible) if is_decided(grade) else None,
        why=_why(grade, questions),
        problems=grade.problems,
        questions=questions,
        deferred=deferred_points(grade),
        mistakes=tuple(names),
        facts=() if anonymous else _facts(grade),
        corrections=() if anonymous else grade.adjustment.corrections,
        days_late=grade.adjustment.days_late,
        late_points=number(late_points(grade)),
        total=of_possible(total(grade), possible(grade)) if adjusted else "",
        search=sanitize(
            without_accents(" ".join([label, *_words(grade), grade.status, *map(title_of, names), *names, *lossy])),
            one_line=True,
        ),
    )


def _words(grade: Result) -> list[str]:
    """What a submission is found by, besides its label."""
    students = grade.origin.students
    people = [word for s in students for word in (s.id, s.email, s.section)]
    points = [(grade.score, grade.possible), (total(grade), possible(grade))] if is_decided(grade) else []
    return [grade.submission, grade.name, *people, *(f"{number(score)}/{number(of)}" for score, of in points)]


def adjustments(grade: Result, for_student: bool = False) -> list[str]:
    """One line for each correction, for late points, and for the total; empty where nothing was changed.

    With `for_student` they do not say who corrected.
    """
    if not is_adjusted(grade):
        return []
    said = [
        f"{c.question} {c.points:+g}: {c.reason} ({'' if for_student else f'{c.who}, '}{local_time(c.when)})"
        for c in grade.adjustment.corrections
    ]
    if days := grade.adjustment.days_late:
        lost = late_points(grade)
        said.append(f"{count(days, 'day')} late: {f'-{number(lost)}' if lost else 'no points are taken off'}")
    return [*said, f"Total: {of_possible(total(grade), possible(grade))}"]


def first_reason(grade: Result) -> str:
    """In one line, why the submission lost its first points; "" when it lost none."""
    if not is_usable(grade) and grade.problems:
        return sanitize(grade.problems[0], one_line=True)
    for test in grade.tests:
        if is_lost(test):
            reason = charged(test) if is_charge(test) else _reason_in_brief(test)
            return sanitize(f"{test.question} {reason}", one_line=True)
    return ""


def _reason_in_brief(test: Outcome) -> str:
    if test.mistakes:
        return ", ".join(map(title_of, test.mistakes))
    if test.message.expected or not test.message.got:  # two numbers need more room than a line
        return test.title
    return test.message.got.split("\n")[0]


def _question(grade: Result, question: str, anchors: dict[int, str], anonymous: bool) -> QuestionSheet:
    change = 0.0 if anonymous else grade.adjustment.points(question)
    tests = grade.of_question(question)
    waiting = deferred_points(grade, question)
    passed = [test for test in tests if test.outcome == "passed"]
    lines = {line.mistakes[0]: line for line in tests if is_charge(line)}
    folded = {test.id: test.because[0] for test in tests if is_charged_by_mistake(test) and test.because[0] in lines}
    reasons: dict[_Reason, list[Outcome]] = {}
    for test in sorted(tests, key=lambda test: not is_lost(test)):  # what cost points first, then what is deferred
        if test.outcome != "passed" and test.id not in folded and not is_charge(test) and not _is_told(test, grade):
            reasons.setdefault(_reason(test), []).append(test)
    findings = (
        *(
            _charge(line, [test for test in tests if folded.get(test.id) == name], anchors)
            for name, line in lines.items()
        ),
        *(_finding(reason, same, anchors) for reason, same in reasons.items()),
    )
    return QuestionSheet(
        id=question,
        title=QUESTIONS[question],
        judged=question in grade.questions,
        score=corrected(grade, question),
        possible=possible_points(grade, question),
        deferred=waiting,
        findings=findings,
        passed=tuple(_check(test, anchors) for test in passed),
        by_hand=f"{change:+g}" if change else "",
    )


def _is_told(test: Outcome, grade: Result) -> bool:
    """Whether a check fails for nothing but the problem of the submission as a whole, which is shown once."""
    return not is_usable(grade) and (not test.message or test.message.got in grade.problems)


def _reason(test: Outcome) -> _Reason:
    return test.outcome, test.mistakes, test.message


def _finding(reason: _Reason, tests: list[Outcome], anchors: dict[int, str]) -> Finding:
    outcome, names, message = reason
    return Finding(outcome, tuple(_check(test, anchors) for test in tests), message, names)


def _charge(line: Outcome, checks: list[Outcome], anchors: dict[int, str]) -> Finding:
    """The line of a mistake, and the checks that fail because of it: what the first of them says stands for all."""
    message = replace(first_of([check.message for check in checks]), mistake=line.message.mistake.rpartition("\n")[0])
    shown = tuple(_check(test, anchors) for test in checks)
    return Finding(line.outcome, shown, message, line.mistakes, charged(line), anchors[id(line)])


def _check(test: Outcome, anchors: dict[int, str]) -> Check:
    cases = f"{test.failed_cases} of {test.cases} cases" if test.failed_cases and test.cases > 1 else ""
    score = "" if test.outcome == "deferred" or is_charged_by_mistake(test) else earned(test)
    return Check(anchors[id(test)], test.title, test.hidden, score, cases)


def _why(grade: Result, questions: tuple[QuestionSheet, ...]) -> str:
    """The answer in one sentence."""
    if not is_decided(grade):
        return "No points were decided, because the grader itself failed. Run the same `grade` command again."
    gone = [(q.id, q.possible - q.score) for q in questions if q.score < q.possible]
    if gone:
        lost = count(sum(points for _, points in gone), "point")
        return f"Lost {lost}: " + ", ".join(f"{number(points)} in {question}" for question, points in gone) + "."
    return "Nothing was judged." if possible(grade) <= 0 else "No points were lost."


def _facts(grade: Result) -> tuple[tuple[str, str], ...]:
    """How the grade came about, for whoever wants to check it."""
    training, origin, made = training_in_words(grade), grade.origin, grade.grader
    students = [", ".join(filter(None, (s.name, s.id, s.email, s.section))) for s in origin.students]
    facts = (
        ("Students" if len(students) > 1 else "Student", "; ".join(students)),
        ("File", origin.path),
        ("Handed in", origin.submitted),
        ("Marked", "late by the platform" if origin.late else ""),
        ("Not counted", ", ".join(origin.not_counted)),
        *(("Note", note) for note in grade.notes),
        ("Training", training),
        ("Graded file", grade.file),
        ("Result file", f"{grade.name}.json" if grade.name else "none"),
        ("SHA-256", grade.sha256),
        ("Graded", local_time(made.when)),
        ("Grader", f"{made.in_words()}, PyTorch {made.torch}, Python {made.python}, {made.processor}"),
        ("Seconds", number(grade.seconds)),
        ("Isolation", ", ".join(grade.isolation) or "none"),
    )
    return tuple((name, sanitize(value, one_line=True)) for name, value in facts if value)
