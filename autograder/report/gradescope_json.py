"""A grade as Gradescope's results.json."""

from typing import Any

from autograder.report.facts import LOST, Grade, Test, deferred_points
from autograder.report.text import count, of_possible, one_line, visible
from autograder.student.message import Message, as_text


def gradescope(grade: Grade, show_hidden: bool) -> dict[str, Any]:
    """Return what Gradescope reads: one entry a test.

    Args:
        grade: as a result file holds it.
        show_hidden: show the messages of hidden tests to students; otherwise only title and outcome.
    """
    return {
        "score": grade["score"],
        "execution_time": grade["seconds"],
        "output": _headline(grade),
        # Messages quote student code: nowhere is it to be read as HTML or Markdown.
        "output_format": "text",
        "test_output_format": "text",
        "test_name_format": "text",
        "visibility": "visible",
        "stdout_visibility": "hidden",
        "tests": [_test(test, show_hidden) for test in grade["tests"]],
    }


def _headline(grade: Grade) -> str:
    lines = [f"{of_possible(grade['score'], grade['possible'])}, {grade['status']}"]
    if waiting := deferred_points(grade):
        lines.append(f"Not part of this score: {count(waiting, 'point')}, judged later on a machine with a GPU.")
    return "\n".join([*lines, *(one_line(problem) for problem in grade.get("problems", []))])


def _test(test: Test, show_hidden: bool) -> dict[str, Any]:
    entry = {
        "name": f"{test['question']} {one_line(test['title'])}",
        "score": test["points"],
        "max_score": test["possible"],
        "visibility": "visible",
        "output": _output(test, show_hidden),
    }
    if test["outcome"] != "deferred":  # neither passed nor failed
        entry["status"] = "failed" if test["outcome"] in LOST else "passed"
    return entry


def _output(test: Test, show_hidden: bool) -> str:
    if test["hidden"] and not show_hidden:
        return test["outcome"]
    return visible(f"{test['outcome']}\n{as_text(Message(**test['message']))}".strip())
