"""Which grader made a result: a result of other code is not reused, and a mixture is said."""

import json
import re

import pytest

from autograder.contract import QUESTIONS
from autograder.grading.provenance import DECIDES, ROOT, Provenance, code_version, provenance
from autograder.grading.reproduce import compare
from autograder.grading.result import Training
from autograder.grading.results_folder import find_missing
from tests.grader.class_runs import grade_quickly, run
from tests.grader.conftest import copy_sources
from tests.grader.test_identity import write
from tests.grader.test_report import DEFERRED, make_grade, make_test


def test_every_room_that_can_change_a_grade_counts(tmp_path):
    """A changed byte in any of them makes another version; a changed report does not."""
    copy_sources(tmp_path)
    before = code_version(tmp_path)
    assert before == code_version(ROOT)
    (tmp_path / "autograder" / "report" / "page.py").write_text("")
    code_version.cache_clear()
    assert code_version(tmp_path) == before
    for name in (*DECIDES, "autograder/training/budgets.json", "autograder/oracle/mistakes.toml"):
        path = tmp_path / name
        file = path if path.is_file() else next(path.glob("*.py"))
        text = file.read_text(encoding="utf-8")
        file.write_text(text + "\n")
        code_version.cache_clear()
        assert code_version(tmp_path) != before, name
        file.write_text(text)
    code_version.cache_clear()
    assert code_version(tmp_path) == before


def test_results_say_which_grader_made_them(tmp_path, monkeypatch):
    grade_quickly(monkeypatch)
    assert run("grade", write(tmp_path / "in", ["a.py"]), "--out", tmp_path / "out").exit_code == 0
    made = Provenance(**json.loads((tmp_path / "out" / "a.json").read_text())["grader"])
    assert made.model_copy(update={"seed": "", "when": ""}) == provenance()
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\+00:00", made.when)
    assert re.fullmatch("[0-9a-f]{16}", made.seed)
    assert all((made.version, made.torch, made.python, made.processor))


def test_results_of_other_code_are_made_anew_and_a_mixture_is_said(tmp_path, monkeypatch):
    graded = grade_quickly(monkeypatch)
    folder, out = write(tmp_path / "in", ["a.py", "b.py"]), tmp_path / "out"
    run("grade", folder, "--out", out)
    run("grade", folder, "--out", out)
    assert len(graded) == 2
    old = provenance()
    new = old.model_copy(update={"version": "v2", "code": "f" * 16})
    for place in ("results_folder.code_version", "classroom.provenance"):
        monkeypatch.setattr(f"autograder.grading.{place}", (lambda: new.code) if "code" in place else (lambda: new))
    process = run("grade", folder / "a.py", "--out", out)
    assert graded[2:] == [folder / "a.py"]
    said = f"graded by different graders: 1 by v2 (code {new.code}), 1 by {old.in_words()}"
    assert said in process.output.replace("\n", " ")
    assert "Graded by different graders" in (out / "report.html").read_text()
    process = run("grade", folder, "--out", out)
    assert graded[3:] == [folder / "b.py"]
    assert "different graders" not in process.output
    monkeypatch.setattr("autograder.grading.classroom.provenance", lambda: new.model_copy(update={"version": "v3"}))
    process = run("grade", folder / "a.py", "--out", out, "--force")
    assert "different graders" not in process.output, "another commit with the same code"


def test_force_grades_anew(tmp_path, monkeypatch):
    graded = grade_quickly(monkeypatch)
    folder, out = write(tmp_path / "in", ["a.py"]), tmp_path / "out"
    for options in ([], [], ["--force"]):
        assert run("grade", folder, "--out", out, *options).exit_code == 0
    assert len(graded) == 2


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"thresholds": None}, {"q2", "q3"}),
        ({"thresholds": {0.9}}, {"q2", "q3"}),
        ({"thresholds": {0.8, 0.9}}, {"q2", "q3"}),
        ({"thresholds": {0.8}}, {"q2", "q3", "q4"}),
        ({"thresholds": None, "force": True}, set(QUESTIONS)),
    ],
)
def test_what_is_still_to_be_judged(options, expected):
    training = Training(accuracy=0.85, threshold=0.9, seconds=1, recipe="", note="")
    result = make_grade("a.py", make_test("q1"), make_test("q4"), training=training)
    assert find_missing(result, None, **options) == expected


def test_deferred_questions_are_judged_where_networks_are_trained():
    result = make_grade("a.py", make_test("q1"), DEFERRED)
    assert find_missing(result, ["q1", "q4"], None) == set()
    assert find_missing(result, ["q1", "q4"], {0.9}) == {"q4"}


def test_comparison_names_what_differs():
    old = make_grade("a.py", make_test("q1", "x"), make_test("q1", "y"), DEFERRED.__class__(**vars(DEFERRED)))
    assert compare(old, old).same == 3
    new = make_grade("a.py", make_test("q1", "x", "failed", message={"got": "7"}), make_test("q2", "z"), DEFERRED)
    found = compare(old, new)
    assert [line.split(": ")[0] for line in found.differences] == [
        "public/test_q1.py::test_x",
        "public/test_q1.py::test_y",
        "public/test_q2.py::test_z",
    ]
    assert "points was 5 and is 0; outcome was passed and is failed" in found.differences[0]
    message = make_grade("a.py", make_test("q1", "x", "failed", message={"got": "8"}), make_test("q2", "z"), DEFERRED)
    (difference,) = compare(new, message).differences
    assert difference == "public/test_q1.py::test_x: got of its message was 7 and is 8"
    named = make_grade("a.py", make_test("q1", "x", "failed", message={"got": "7"}, mistakes=["no_relu_at_all"]))
    difference, *_ = compare(new, named).differences
    assert difference == "public/test_q1.py::test_x: mistakes was nothing and is no_relu_at_all"


def test_a_training_that_cannot_be_repeated_is_not_a_difference():
    trained = make_grade("a.py", make_test("q4", "accuracy", hidden=True))
    found = compare(trained, make_grade("a.py", DEFERRED))
    assert (found.differences, found.not_compared) == ((), ("public/test_q4.py::test_accuracy",))
