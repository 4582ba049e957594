"""One grade arranged to answer "why did I lose points?"."""

from dataclasses import dataclass

from autograder.contract import QUESTIONS
from autograder.report.facts import (
    Grade,
    Test,
    deferred_points,
    deferred_questions,
    in_words,
    is_lost,
    is_usable,
    mistakes,
    training_in_words,
)
from autograder.report.text import count, number, of_possible, one_line, percent
from autograder.student.message import Message


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
    """Tests of one question with one outcome for one reason; the reason is said once."""

    outcome: str
    checks: tuple[Check, ...]
    message: Message
    mistakes: tuple[str, ...]


@dataclass(frozen=True)
class QuestionSheet:
    """One question of one submission; `judged` is False where `--only` left it out."""

    id: str
    title: str
    judged: bool
    score: float
    possible: float
    deferred: float
    findings: tuple[Finding, ...]
    passed: tuple[Check, ...]

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
        """`21/25 (84 %)`."""
        return of_possible(self.score, self.possible)


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


def arrange(grade: Grade, label: str, anchor: str) -> Sheet:
    """Arrange a grade; anchors of its tests begin with `anchor` and count the tests."""
    anchors = {id(test): f"{anchor}t{index}" for index, test in enumerate(grade["tests"], 1)}
    questions = tuple(_question(grade, question, anchors) for question in QUESTIONS)
    names = mistakes(grade)
    lossy = [q.id for q in questions if q.score < q.possible]
    return Sheet(
        anchor=anchor,
        label=label,
        status=grade["status"],
        score=of_possible(grade["score"], grade["possible"]),
        percent=percent(grade["score"], grade["possible"]),
        why=_why(grade, questions),
        problems=tuple(grade.get("problems", [])),
        questions=questions,
        deferred=deferred_points(grade),
        mistakes=tuple(names),
        facts=_facts(grade),
        search=one_line(" ".join([label, grade["status"], *map(in_words, names), *names, *lossy]).lower()),
    )


def first_reason(grade: Grade) -> str:
    """In one line, why the submission lost its first points; "" when it lost none."""
    if not is_usable(grade) and grade.get("problems"):
        return one_line(grade["problems"][0])
    for test in grade["tests"]:
        if is_lost(test):
            return one_line(f"{test['question']} {_reason_in_brief(test)}")
    return ""


def _reason_in_brief(test: Test) -> str:
    if test["mistakes"]:
        return ", ".join(map(in_words, test["mistakes"]))
    message = Message(**test["message"])
    if message.expected or not message.got:  # two numbers need more room than a line
        return test["title"]
    return message.got.split("\n")[0]


def _question(grade: Grade, question: str, anchors: dict[int, str]) -> QuestionSheet:
    scores = grade["questions"].get(question)
    tests = [test for test in grade["tests"] if test["question"] == question]
    waiting = deferred_points({**grade, "tests": tests}) if question in deferred_questions(grade) else 0.0
    passed = [test for test in tests if test["outcome"] == "passed"]
    reasons: dict[_Reason, list[Test]] = {}
    for test in sorted(tests, key=lambda test: not is_lost(test)):  # what cost points first, then what is deferred
        if test["outcome"] != "passed":
            reasons.setdefault(_reason(test), []).append(test)
    findings = tuple(_finding(reason, same, anchors) for reason, same in reasons.items())
    return QuestionSheet(
        id=question,
        title=QUESTIONS[question],
        judged=scores is not None,
        score=scores["score"] if scores else 0.0,
        possible=scores["possible"] if scores else 0.0,
        deferred=waiting,
        findings=findings,
        passed=tuple(_check(test, anchors) for test in passed),
    )


def _reason(test: Test) -> _Reason:
    return test["outcome"], tuple(test["mistakes"]), Message(**test["message"])


def _finding(reason: _Reason, tests: list[Test], anchors: dict[int, str]) -> Finding:
    outcome, names, message = reason
    return Finding(outcome, tuple(_check(test, anchors) for test in tests), message, names)


def _check(test: Test, anchors: dict[int, str]) -> Check:
    cases = f"{test['failed_cases']} of {test['cases']} cases" if test["failed_cases"] and test["cases"] > 1 else ""
    score = "" if test["outcome"] == "deferred" else f"{number(test['points'])}/{number(test['possible'])}"
    return Check(anchors[id(test)], test["title"], test["hidden"], score, cases)


def _why(grade: Grade, questions: tuple[QuestionSheet, ...]) -> str:
    """The answer in one sentence."""
    gone = [(q.id, q.possible - q.score) for q in questions if q.score < q.possible]
    if gone:
        total = count(grade["possible"] - grade["score"], "point")
        return f"Lost {total}: " + ", ".join(f"{number(points)} in {question}" for question, points in gone) + "."
    return "Nothing was judged." if grade["possible"] <= 0 else "No points were lost."


def _facts(grade: Grade) -> tuple[tuple[str, str], ...]:
    """How the grade came about, for whoever wants to check it."""
    training = training_in_words(grade)
    return (
        *([("Training", training)] if training else []),
        ("Result file", f"{grade['result']}.json" if "result" in grade else "none"),
        ("SHA-256", grade["sha256"]),
        ("Seconds", number(grade["seconds"])),
        ("Isolation", ", ".join(grade.get("isolation", [])) or "none"),
    )
