"""Tests are collected once and run for every submission; no run finds anything of another one."""

import gc
import weakref

import pytest

from autograder.grading.seeds import SUITE as TESTS
from autograder.student.errors import SuiteError
from autograder.student.no_submission import NoSubmission
from autograder.suite import collection
from autograder.suite.journal import Journal
from autograder.suite.run import run_suite

SUITE = '''
import pytest

pytestmark = [pytest.mark.question("q1"), pytest.mark.points(1)]


@pytest.mark.parametrize("number", [1, 2, 3])
def test_first(student, number):
    """First: what the student's classes say."""
    student.seen.append(number)
    print("printed")
    if student.meanwhile is not None:
        student.meanwhile()
    assert number != student.wrong


def test_second(student):
    """Second: there is nothing to read."""
    with pytest.raises(EOFError):
        input()
    student.seen.append("second")
'''


class Classes:
    """Stands for a student's classes."""

    refused = {}  # noqa: RUF012

    def __init__(self, wrong=None, meanwhile=None):
        self.wrong, self.meanwhile, self.seen = wrong, meanwhile, []


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "public"
    folder.mkdir()
    (folder / f"test_{tmp_path.name}.py").write_text(SUITE)
    return folder


def points(classes, folder, **kwargs):
    return [outcome.points for outcome in run_suite(classes, [folder], diagnose=None, **kwargs)]


def test_every_run_is_of_its_own_classes(folder, monkeypatch, capsys):
    assert points(Classes(), folder) == [1, 1]
    monkeypatch.setattr(pytest, "main", lambda *_, **__: pytest.fail("collected again"))
    wrong = Classes(wrong=2)
    assert points(wrong, folder) == [0, 1]
    assert wrong.seen == [1, 2, 3, "second"]
    assert points(Classes(), folder) == [1, 1]
    assert capsys.readouterr().out == ""


def test_what_is_known_or_not_asked_does_not_run(folder):
    journal = Journal()
    assert points(Classes(wrong=1), folder, journal=journal) == [0, 1]
    known = {name: case for name, case in journal.cases.items() if "second" not in name}
    right = Classes()
    assert points(right, folder, journal=Journal(known=known)) == [0, 1]
    assert right.seen == ["second"]
    with pytest.raises(SuiteError, match="no such tests"):
        run_suite(Classes(), [folder], only=["q2"])


def test_the_first_failure_may_end_it_and_the_next_run_is_whole(folder):
    first = Classes(wrong=2)
    assert points(first, folder, until_failure=True) == [0]
    assert first.seen == [1, 2]
    assert points(Classes(), folder) == [1, 1]


def test_a_run_within_a_run(folder):
    inner = []
    outer = Classes(wrong=3, meanwhile=lambda: inner.append(points(Classes(), folder)))
    assert points(outer, folder) == [0, 1]
    assert inner == [[1, 1]] * 3


def test_a_run_that_is_interrupted_leaves_nothing(folder):
    def interrupt():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        points(Classes(meanwhile=interrupt), folder)
    assert points(Classes(), folder) == [1, 1]


def test_a_test_file_that_is_new_is_found(folder):
    assert points(Classes(), folder) == [1, 1]
    (folder / "test_more.py").write_text(SUITE.replace("test_second", "test_third"))
    assert points(Classes(), folder) == [1, 1, 1, 1]


def test_folders_are_not_kept_for_ever(tmp_path):
    for number in range(collection.KEPT + 2):
        folder = tmp_path / f"suite{number}"
        folder.mkdir()
        (folder / f"test_kept{number}.py").write_text(SUITE)
        assert points(Classes(), folder) == [1, 1]
    assert len(collection._kept) == collection.KEPT


def test_a_student_is_forgotten_after_the_run():
    student = NoSubmission("")
    gone = weakref.ref(student)
    run_suite(student, TESTS, only=["q4"])
    del student
    gc.collect()
    assert gone() is None
