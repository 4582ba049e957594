"""A grade as Gradescope's results.json.

The format: https://gradescope-autograders.readthedocs.io/en/latest/specs/

Students see `output` and the tests that are visible to them. Gradescope adds up the scores of all tests, and shows
students no total as long as a test is hidden from them. A `score` at the top would replace that sum: there is none.
With unlimited uploads any number that depends on a hidden test tells what that test says, so what students see is
computed from the public tests alone.
"""

from typing import Any

from autograder.report.facts import LOST, Grade, Test, deferred_points
from autograder.report.text import count, number, one_line, visible
from autograder.student.message import Message, as_text


def results_json(grade: Grade, show_hidden: bool) -> dict[str, Any]:
    """Return what Gradescope reads: one entry a test.

    Args:
        grade: as a result file holds it.
        show_hidden: students see the hidden tests, with messages, once the grades are published; otherwise never.
    """
    return {
        "output": _headline(grade),
        # Messages quote student code: nowhere is it to be read as HTML or Markdown.
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "stdout_visibility": "hidden",
        "tests": [_test(test, show_hidden) for test in grade["tests"]],
    }


def _headline(grade: Grade) -> str:
    public = [test for test in grade["tests"] if not test["hidden"]]
    score, possible = (number(sum(test[key] for test in public)) for key in ("points", "possible"))
    lines = [
        f"{score} of {possible} points in the checks that you have.",
        "There are hidden checks as well; they are not counted here.",
    ]
    if waiting := deferred_points(grade):
        lines.append(f"Not part of the score yet: {count(waiting, 'point')}, judged later on a machine with a GPU.")
    return "\n".join([*lines, *(one_line(problem) for problem in grade.get("problems", []))])


def _test(test: Test, show_hidden: bool) -> dict[str, Any]:
    entry = {
        "name": f"{test['question']} {one_line(test['title'])}",
        "visibility": ("after_published" if show_hidden else "hidden") if test["hidden"] else "visible",
        "output": visible(f"{test['outcome']}\n{as_text(Message(**test['message']))}".strip()),
    }
    if test["outcome"] == "deferred":  # neither passed nor failed, and worth nothing yet
        return entry
    status = "failed" if test["outcome"] in LOST else "passed"
    return {**entry, "score": test["points"], "max_score": test["possible"], "status": status}
