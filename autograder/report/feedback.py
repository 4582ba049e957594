"""feedback/: for each student one HTML page and one Markdown file that hold only what the student may see."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import escape

from autograder.contract import POINTS
from autograder.course.settings import Course
from autograder.grading.charge import is_charged_by_mistake, public_part
from autograder.grading.result import Result
from autograder.report.derived import (
    ROUNDING,
    corrected,
    deferred_points,
    is_decided,
    labels,
    possible,
    possible_points,
    total,
)
from autograder.report.page import HERE, environment, policy
from autograder.report.submission_view import Check, Finding, QuestionSheet, adjustments, arrange
from autograder.report.text import count, of_possible
from autograder.student.message import as_text
from autograder.submission.atomic_write import atomic_write
from autograder.submission.sanitize import sanitize
from autograder.suite.outcome import Outcome

RESULT = "Result"
"""The fact that names the result: `write_feedback` knows its own files by it."""


@dataclass(frozen=True)
class QuestionFeedback:
    """One question; `notes` say what is not shown one by one."""

    id: str
    title: str
    points: str
    findings: tuple[Finding, ...]
    passed: tuple[Check, ...]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Feedback:
    """All that one student may see; `total` is "" where hidden checks are not to be told from it."""

    title: str
    label: str
    total: str
    adjustments: tuple[str, ...]
    problems: tuple[str, ...]
    questions: tuple[QuestionFeedback, ...]
    facts: tuple[tuple[str, str], ...]


def feedback_for(grade: Result, label: str, course: Course) -> Feedback:
    """Choose what the student may see, see `hidden_checks` in course.toml."""
    shown = course.hidden_checks
    if shown == "messages":
        visible = grade
    elif shown == "points":
        visible = grade.replace_tests(test for test in grade.tests if not test.hidden)
    else:
        visible = grade.replace_tests(public_part(grade.tests))
    sheet = arrange(visible, label, "s")
    lines = adjustments(grade, for_student=True)
    by_hand = [q for q in POINTS if q not in grade.questions and grade.adjustment.points(q)]
    questions = tuple(_question(grade, visible, q, shown) for q in sheet.questions if q.judged or q.id in by_hand)
    facts = [
        ("Submission", grade.submission),
        ("SHA-256", grade.sha256),
        ("Handed in", grade.origin.submitted),
        (RESULT, grade.name),
    ]
    return Feedback(
        title=" ".join(filter(None, (course.course, course.term))) or "Feedback",
        label=label,
        total="" if shown == "nothing" else of_possible(total(grade), possible(grade)),
        adjustments=tuple(lines[:-1] if shown == "nothing" else lines),
        problems=grade.problems,
        questions=questions,
        facts=tuple((name, value) for name, value in facts if value),
    )


def _question(grade: Result, visible: Result, sheet: QuestionSheet, shown: str) -> QuestionFeedback:
    notes, beyond = [], False
    score, of = corrected(grade, sheet.id), possible_points(grade, sheet.id)
    if shown == "nothing" and sheet.judged:
        of = visible.questions[sheet.id].possible
        score = visible.questions[sheet.id].score + score - grade.questions[sheet.id].score
        beyond = not -ROUNDING <= score <= of + ROUNDING
        score = min(max(score, 0.0), of)
    hidden = [test for test in grade.of_question(sheet.id) if test.hidden]
    if shown == "points" and any(test.possible for test in hidden):
        notes.append(_of_hidden(hidden))
    if waiting := deferred_points(grade, sheet.id):
        notes.append(f"{count(waiting, 'point')} not judged yet: the check needs a GPU")
    if change := grade.adjustment.points(sheet.id):
        notes.append(f"corrected by {change:+g}" + ", also for checks that you do not see" * beyond)
    return QuestionFeedback(sheet.id, sheet.title, of_possible(score, of), sheet.findings, sheet.passed, tuple(notes))


def _of_hidden(tests: Sequence[Outcome]) -> str:
    """What the hidden checks of a question gave, in a sentence; their points alone would hide that some fail."""
    checks = [test for test in tests if test.possible]
    earned, of = sum(test.points for test in tests), sum(test.possible for test in tests)
    said = count(len(checks), "hidden check")
    failing = sum(is_charged_by_mistake(test) for test in checks)
    if not failing:
        return f"{said}: {of_possible(earned, of)}"
    because = f"{failing} fail{'s' * (failing == 1)} because of a mistake that is charged once"
    if earned < of:
        return f"{said}: {of_possible(earned, of)}; {because}"
    return f"{said}: {because}; no further points are lost"


def write_feedback(grades: Sequence[Result], folder: Path, course: Course) -> None:
    """Write two files for each result into `folder`, and remove those of results that are gone.

    There are none for a submission on which the grader itself failed. What else lies in the folder stays.
    """
    grades = [grade for grade in grades if is_decided(grade)]
    folder.mkdir(exist_ok=True)
    style = (HERE / "report.css").read_text(encoding="utf-8")
    template = environment().get_template("feedback.html.jinja")
    names = labels(grades) if course.names else [grade.name for grade in grades]
    for grade, label in zip(grades, names, strict=True):
        view = feedback_for(grade, label, course)
        atomic_write(folder / f"{grade.name}.md", as_markdown(view))
        atomic_write(folder / f"{grade.name}.html", template.render(view=view, **policy(style, "")))
    current = {grade.name for grade in grades}
    for path in folder.iterdir():
        if path.stem not in current and _is_feedback(path):
            path.unlink()


def _is_feedback(path: Path) -> bool:
    """Whether `write_feedback` wrote the file: it names its own result. Notes and copies under other names do not."""
    marks = {".html": f"{RESULT}: {escape(sanitize(path.stem))}</p>", ".md": f"\n- {RESULT}: {_escape(path.stem)}\n"}
    try:
        return path.suffix in marks and path.is_file() and marks[path.suffix].encode() in path.read_bytes()
    except OSError:
        return False


def as_markdown(view: Feedback) -> str:
    """The feedback as Markdown: what students wrote stands in code blocks or is escaped."""
    return "\n".join(_lines(view)).rstrip() + "\n"


def _lines(view: Feedback) -> Iterator[str]:
    yield f"# {_escape(view.title)}"
    yield ""
    yield f"{_escape(view.label)}{f': **{view.total} points**' if view.total else ''}"
    yield ""
    yield from (f"- {_escape(line)}" for line in (*view.adjustments, *view.problems))
    for question in view.questions:
        yield f"\n## {question.id} {question.title}: {question.points}\n"
        for finding in question.findings:
            checks = [
                f"- {finding.outcome} {c.score} **{_escape(c.title)}**".replace("  ", " ") for c in finding.checks
            ]
            if finding.charged:
                yield f"- **{_escape(finding.charged)}**"
            else:
                yield from checks
            if finding.message:
                yield ""
                yield from _code(as_text(finding.message))
                yield ""
            if finding.because:
                yield from (f"{finding.because}\n", *checks, "")
        yield from (f"- passed {check.score} {_escape(check.title)}" for check in question.passed)
        yield from (f"- {_escape(note)}" for note in question.notes)
    yield ""
    yield from (f"- {name}: {_escape(value)}" for name, value in view.facts)


def _escape(text: str) -> str:
    return re.sub(r"([\\`*_{}\[\]<>#|!&~])", r"\\\1", sanitize(text, one_line=True))


def _code(text: str) -> list[str]:
    """A code block that the text cannot end."""
    text = sanitize(text)
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"{fence}text", *text.splitlines(), fence]
