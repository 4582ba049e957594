"""Grade a class from the command line in no time: what grades one submission is replaced."""

from pathlib import Path

from click.testing import CliRunner, Result

from autograder.__main__ import main
from autograder.grading.seeds import suite_version
from autograder.submission import fingerprint
from tests.grader.test_report import a_class, make_grade, make_test


def grade_quickly(monkeypatch) -> list[Path]:
    """Replace the grading of each submission: the tests of one result of `a_class`, chosen by the word in the file.

    Returns:
        The files that are graded, in their order; it grows with every call.
    """
    graded: list[Path] = []

    def grade_each(todo, *_, **__):
        for path in todo:
            graded.append(path)
            yield path, quick_result(path)

    monkeypatch.setattr("autograder.grading.classroom.grade_each", grade_each)
    monkeypatch.setattr("autograder.grading.classroom.require_confinement", lambda: None)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    return graded


def quick_result(path: Path):
    """A result by the first word of the file: "wrong" loses points in q1, anything else has full marks."""
    bob, alice, *_ = a_class()
    tests = bob.tests if "wrong" in path.read_text() else (*alice.tests, make_test("q2"), make_test("q3"))
    return make_grade(path.name, *tests).model_copy(
        update={"sha256": fingerprint(path), "suite": suite_version(), "name": ""}
    )


def run(*arguments: object) -> Result:
    """Run `autograder` with these arguments in this process."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments], catch_exceptions=False)
