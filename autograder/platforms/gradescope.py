"""A grade as Gradescope's results.json.

The format: https://gradescope-autograders.readthedocs.io/en/latest/specs/

Students see `output` and the tests that are visible to them. Gradescope adds up the scores of all tests, and shows
students no total as long as a test is hidden from them. A `score` at the top would replace that sum: there is none.
With unlimited uploads any number that depends on a hidden test tells what that test says, so what students see is
computed from the public tests alone.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from autograder.grading.charge import is_charge, is_charged_by_mistake, public_part
from autograder.grading.result import Result
from autograder.report.derived import LOST, charged, deferred_points, is_decided
from autograder.report.text import count, number
from autograder.student.message import NO_MESSAGE, as_text
from autograder.submission.sanitize import sanitize
from autograder.suite.outcome import Outcome

GRADER_FAILED = (
    "The grader failed, not your submission. No points were decided. Your instructors see why, and can run it again."
)


def results_json(grade: Result, show_hidden: bool) -> dict[str, Any]:
    """Return what Gradescope reads: one entry a test.

    Args:
        grade: the result.
        show_hidden: students see the hidden tests, with messages, once the grades are published; otherwise never.
    """
    failed = not is_decided(grade)
    return {
        "output": GRADER_FAILED if failed else _headline(grade),
        # Messages quote student code: nowhere is it to be read as HTML or Markdown.
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "stdout_visibility": "hidden",
        # Kept with the submission, for appeals: which file was graded, and by which grader.
        "extra_data": {"sha256": grade.sha256, "suite": grade.suite, "grader": grade.grader.model_dump()},
        "tests": _failure(grade) if failed else [*_entries(grade.tests, show_hidden)],
    }


def _failure(grade: Result) -> list[dict[str, Any]]:
    """Gradescope takes no result without a number: nothing of nothing is not a score."""
    return [
        {"name": "The grader failed", "output": GRADER_FAILED, "visibility": "visible", "score": 0, "max_score": 0},
        {"name": "Why", "output": sanitize("\n".join(grade.problems)), "visibility": "hidden"},
    ]


def _headline(grade: Result) -> str:
    public = public_part(grade.tests)
    score, possible = sum(test.points for test in public), sum(test.possible for test in public)
    lines = [
        f"{number(score)} of {number(possible)} points in the checks that you have.",
        "There are hidden checks as well; they are not counted here.",
    ]
    if grade.file:
        lines.append(f"The file that was graded: {sanitize(grade.file, one_line=True)}")
    if waiting := deferred_points(grade):
        lines.append(f"Not part of the score yet: {count(waiting, 'point')}, judged later on a machine with a GPU.")
    return "\n".join([*lines, *(sanitize(problem, one_line=True) for problem in grade.problems)])


def _entries(tests: Sequence[Outcome], show_hidden: bool) -> Iterator[dict[str, Any]]:
    """One entry a test, but one for all that fail because of the same mistakes; and one for each mistake.

    What hidden checks add to the price of a mistake that students see is an entry of its own, and hidden as they are.
    """
    public = {line.id: line for line in public_part(tests) if is_charge(line)}
    together: dict[tuple, list[Outcome]] = {}
    for test in tests:
        if is_charged_by_mistake(test):
            together.setdefault((test.question, test.because, test.hidden), []).append(test)
    for test in tests:
        if is_charge(test):
            shown = public.get(test.id, test)
            yield _test(shown, show_hidden)
            if rest := shown.points - test.points:
                yield _test(replace(test, points=-rest, hidden=True), show_hidden)
        elif not is_charged_by_mistake(test):
            yield _test(test, show_hidden)
        elif same := together.pop((test.question, test.because, test.hidden), None):
            yield _because(same, show_hidden)


def _because(tests: Sequence[Outcome], show_hidden: bool) -> dict[str, Any]:
    """One entry for checks that fail because of the same mistakes: the mistakes take the points."""
    first = tests[0]
    said = [f"{t.outcome}: {t.title}\n{as_text(replace(t.message, mistake=''))}".rstrip() for t in tests]
    points = sum(test.possible for test in tests)
    title = f"because of this mistake: {count(len(tests), 'hidden check' if first.hidden else 'check')}"
    whole = replace(first, title=title, points=points, possible=points, message=NO_MESSAGE)
    return {**_test(whole, show_hidden), "output": sanitize("\n\n".join(said))}


def _test(test: Outcome, show_hidden: bool) -> dict[str, Any]:
    entry = {
        "name": f"{test.question} {sanitize(charged(test) if is_charge(test) else test.title, one_line=True)}",
        "visibility": ("after_published" if show_hidden else "hidden") if test.hidden else "visible",
        "output": sanitize(f"{test.outcome}\n{as_text(test.message)}".strip()),
    }
    if test.outcome == "deferred":  # neither passed nor failed, and worth nothing yet
        return entry
    status = "failed" if test.outcome in LOST else "passed"
    return {**entry, "score": test.points, "max_score": test.possible, "status": status}
