"""Results of machines that share nothing come into one folder; nothing is lost and nothing is chosen silently."""

from pathlib import Path

import pytest

from autograder.course.corrections import read_corrections
from autograder.grading.merge import combine
from autograder.grading.reproduce import find_key
from autograder.grading.result import Result, Training, read_result
from tests.grader.class_runs import grade_quickly, run
from tests.grader.test_identity import CANVAS, write
from tests.grader.test_report import DEFERRED, make_grade, make_test

TRAINED = make_test("q4", "accuracy", points=12.0, hidden=True)
TRAINING = Training(accuracy=0.9, threshold=0.8, seconds=1.0, recipe="1 epoch", note="")


def test_a_training_from_another_machine_fills_in():
    here = make_grade("a.py", make_test("q1"), make_test("q4", "overfit", points=8.0), DEFERRED)
    gpu = make_grade("a.py", make_test("q4", "overfit", points=8.0), TRAINED, training=TRAINING)
    for combined in (combine(here, gpu), combine(gpu, here)):
        assert (combined.score, combined.possible) == (25, 25)
        assert combined.training == TRAINING
        assert {q: s.score for q, s in combined.questions.items()} == {"q1": 5, "q4": 20}
    assert combine(gpu, here).seconds == 3


def test_what_both_have_stays():
    ours = make_grade("a.py", make_test("q1"))
    assert combine(ours, make_grade("a.py", make_test("q1", outcome="failed"))) == ours


def test_a_grade_replaces_a_failure_of_the_grader():
    graded = make_grade("a.py", make_test("q1"))
    failed = Result.of_failure("KeyError", None, (), submission="a.py", sha256=graded.sha256, suite="")
    failed = failed.model_copy(update={"grader": graded.grader})
    for combined in (combine(failed, graded), combine(graded, failed)):
        assert (combined.status, combined.score) == (graded.status, graded.score)
        assert combined.problems == graded.problems


def test_todays_grader_wins():
    ours = make_grade("a.py", make_test("q1"))
    old = ours.model_copy(update={"grader": ours.grader.model_copy(update={"code": "0" * 16})})
    assert combine(old, ours) == combine(ours, old) == ours


def test_questions_of_two_graders_are_a_conflict_where_one_would_be_lost():
    """In either direction: the older result may be here or there."""
    ours = make_grade("a.py", make_test("q4", "overfit", points=8.0), TRAINED, training=TRAINING)
    before = make_grade("a.py", make_test("q1"), make_test("q4", "overfit", points=8.0), DEFERRED)
    old = before.model_copy(update={"grader": before.grader.model_copy(update={"code": "0" * 16})})
    assert combine(old, ours) is combine(ours, old) is None
    trained = ours.model_copy(update={"grader": old.grader})
    assert combine(before, trained) is combine(trained, before) is None


@pytest.fixture
def two_machines(tmp_path, monkeypatch):
    """Ann and bob were graded here, bob and carl there; of bob there are two files."""
    grade_quickly(monkeypatch)
    (tmp_path / "roster.csv").write_text(CANVAS, encoding="utf-8")
    a = write(tmp_path / "a", ["ann.py", "bob.py"])
    b = write(tmp_path / "b", ["bob.py", "carl.py"])
    assert run("grade", a, "--out", tmp_path / "A").exit_code == 0
    assert run("grade", b, "--out", tmp_path / "B", "--roster", tmp_path / "roster.csv").exit_code == 0
    assert run("override", tmp_path / "B", "carl", "q1", "-1", "copied").exit_code == 0
    return tmp_path / "A", tmp_path / "B"


def test_folders_are_merged_with_all_that_lies_in_them(two_machines):
    a, b = two_machines
    for first in (True, False):
        process = run("merge", a, b)
        assert process.exit_code == 0, process.output
        assert ("1 new, 0 completed, 1 the same" if first else "0 new, 0 completed, 2 the same") in process.output
    assert sorted(path.stem for path in a.glob("*.json")) == ["ann", "bob", "carl"]
    assert [entry.name for entry in read_corrections(a)] == ["carl"]
    assert (a / "roster.csv").read_bytes() == (b / "roster.csv").read_bytes()
    for name in ("ann", "carl"):
        assert find_key(a, read_result(a / f"{name}.json")) is not None
    assert len(list(a.glob("*.key"))) == 2
    assert "carl" in (a / "grades.csv").read_text()


def test_two_files_of_one_student_are_a_conflict(two_machines):
    a, b = two_machines
    before = (a / "bob.json").read_bytes()
    (b.parent / "b" / "bob.py").write_text("wrong")
    run("grade", b.parent / "b", "--out", b)
    process = run("merge", a, b)
    assert process.exit_code == 1
    assert f"bob: {b} has a result of another file, bob.py" in process.output
    assert (a / "bob.json").read_bytes() == before
    assert (a / "carl.json").exists()


def test_a_conflict_of_graders_names_them_and_their_questions(two_machines):
    a, b = two_machines
    here, there = read_result(a / "bob.json"), read_result(b / "bob.json")
    tests = [test for test in there.tests if test.question != "q1"]
    other = there.grader.model_copy(update={"code": "0" * 16})
    (b / "bob.json").write_text(there.replace_tests(tests, grader=other).to_json())
    (a / "bob.json").write_text(here.replace_tests(here.of_question("q1")).to_json())
    before = (a / "bob.json").read_bytes()
    process = run("merge", a, b)
    assert process.exit_code == 1
    assert f"bob: {b} has a result of another grader, {other.in_words()}; it judged q2, q3, q4, and" in process.output
    assert "judged q1 here: grade both with one version" in process.output
    assert (a / "bob.json").read_bytes() == before


def test_a_broken_result_stops_the_merge_before_anything_is_written(two_machines):
    a, b = two_machines
    (b / "bob.json").write_text("{")
    process = run("merge", a, b)
    assert process.exit_code == 1
    assert "bob.json: not valid JSON" in process.output
    assert not (a / "carl.json").exists()


def test_a_key_that_cannot_be_read_stops_before_anything_is_written(two_machines, monkeypatch):
    a, b = two_machines
    key, read_bytes = b / "grading.key", Path.read_bytes

    def refuse(path):
        if path == key:
            raise PermissionError(13, "Permission denied", str(path))
        return read_bytes(path)

    monkeypatch.setattr(Path, "read_bytes", refuse)
    process = run("merge", a, b)
    assert process.exit_code == 1
    assert f"{key}: cannot be read: Permission denied" in process.output
    assert sorted(path.stem for path in a.glob("*.json")) == ["ann", "bob"]
