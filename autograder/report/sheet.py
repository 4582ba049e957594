"""One grade arranged to answer "why did I lose points?"."""

import re
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
    misconceptions,
    training_in_words,
)
from autograder.report.text import count, number, of_possible, one_line, percent, visible

_CASES = re.compile(r"\n\((\d+ of \d+ cases) of this check do not pass; the first is shown\.\)\Z")
"""How `autograder.suite.outcome` says that several cases of a parametrised test failed."""

_LABELLED = re.compile(r"(Asked|Came|Look): *(.*)", re.DOTALL)
"""How `autograder.suite.expect` begins the lines of a message."""


@dataclass(frozen=True)
class Check:
    """One test of one submission."""

    anchor: str
    title: str
    hidden: bool
    score: str
    cases: str


@dataclass(frozen=True)
class Part:
    """A piece of a message: label is "Asked", "Came", "Look", "" for prose or "code" for a traceback."""

    label: str
    text: str


_Reason = tuple[str, tuple[str, ...], tuple[Part, ...]]
"""Outcome, misconceptions and message; tests that share them are told of together."""


@dataclass(frozen=True)
class Finding:
    """Tests of one question with one outcome for one reason; the reason is said once."""

    outcome: str
    checks: tuple[Check, ...]
    parts: tuple[Part, ...]
    misconceptions: tuple[str, ...]


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
    misconceptions: tuple[str, ...]
    facts: tuple[tuple[str, str], ...]
    search: str


def arrange(grade: Grade, label: str, anchor: str) -> Sheet:
    """Arrange a grade; anchors of its tests begin with `anchor` and count the tests."""
    anchors = {id(test): f"{anchor}t{index}" for index, test in enumerate(grade["tests"], 1)}
    questions = tuple(_question(grade, question, anchors) for question in QUESTIONS)
    names = misconceptions(grade)
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
        misconceptions=tuple(names),
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
    if test["misconceptions"]:
        return ", ".join(map(in_words, test["misconceptions"]))
    parts = message_parts(test)
    if not parts or parts[0].label:  # a measured symptom is too long for one line
        return test["title"]
    lines = parts[-1].text.split("\n")
    return lines[-1] if parts[-1].label == "code" else lines[0]


def message_parts(test: Test) -> list[Part]:
    """Cut a message into labelled lines, prose and the student's traceback."""
    text = visible(_CASES.sub("", test["message"])).strip("\n")
    if not text:
        return []
    if test["outcome"] == "error":
        prose, _, code = text.partition("\n")
        return [Part("", prose), *([Part("code", code)] if code else [])]
    parts: list[Part] = []
    for line in text.split("\n"):
        if match := _LABELLED.fullmatch(line):
            parts.append(Part(*match.groups()))
        elif parts:
            last = parts.pop()
            parts.append(Part(last.label, f"{last.text}\n{line}"))
        else:
            parts.append(Part("", line))
    return parts


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
    return test["outcome"], tuple(test["misconceptions"]), tuple(message_parts(test))


def _finding(reason: _Reason, tests: list[Test], anchors: dict[int, str]) -> Finding:
    outcome, names, parts = reason
    return Finding(outcome, tuple(_check(test, anchors) for test in tests), parts, names)


def _check(test: Test, anchors: dict[int, str]) -> Check:
    cases = _CASES.search(test["message"])
    score = "" if test["outcome"] == "deferred" else f"{number(test['points'])}/{number(test['possible'])}"
    return Check(anchors[id(test)], test["title"], test["hidden"], score, cases[1] if cases else "")


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
