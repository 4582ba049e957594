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


@pytest.fixture
def graded_before(tmp_path, monkeypatch):
    """Two students with all questions; returns folder, results, what is graded later, and the bytes of the results."""
    graded = grade_quickly(monkeypatch)
    folder, out = write(tmp_path / "in", ["a.py", "b.py"]), tmp_path / "out"
    assert run("grade", folder, "--out", out).exit_code == 0
    graded.clear()
    return folder, out, graded, {path.name: path.read_bytes() for path in out.glob("*.json")}


def now_of_other_code(monkeypatch):
    monkeypatch.setattr("autograder.grading.results_folder.code_version", lambda: "f" * 16)


def change_a(folder, out, monkeypatch):
    (folder / "a.py").write_text("x = 2")


def break_a(folder, out, monkeypatch):
    (out / "a.json").write_text("{")


def a_again_as_a_script(folder, out, monkeypatch):
    """The result is of a file that was in doubt, and is not any more."""
    result = json.loads((out / "a.json").read_text())
    result["origin"]["undecided"] = ["a.py", "a.ipynb"]
    (out / "a.json").write_text(json.dumps(result))


@pytest.mark.parametrize("options", [[], ["--force"], ["--slurm", "array=2"]])
@pytest.mark.parametrize(
    ("change", "why"),
    [
        (
            lambda folder, out, monkeypatch: now_of_other_code(monkeypatch),
            "2 results in {out} would lose q1, q2, q3: 2 of another version of the grader (a, b). "
            "Run the command without --only, or use the grader {grader}",
        ),
        (
            change_a,
            "a result in {out} would lose q1, q2, q3: 1 of another file than the one that counts now (a). "
            "Run the command without --only",
        ),
        (break_a, "a result in {out} would lose q1, q2, q3: 1 cannot be read (a). Run the command without --only"),
        (
            a_again_as_a_script,
            "a result in {out} would lose q1, q2, q3: 1 from before it was decided which file counts (a). "
            "Run the command without --only",
        ),
    ],
)
def test_only_refuses_where_other_questions_would_be_lost(graded_before, change, why, options, monkeypatch):
    folder, out, graded, _ = graded_before
    change(folder, out, monkeypatch)
    kept = {path.name: path.read_bytes() for path in out.glob("*.json")}
    process = run("grade", folder, "--out", out, "--only", "q4", *options)
    assert process.exit_code == 1
    said = why.format(out=out, grader=provenance().in_words())
    assert process.stderr.splitlines()[-1] == f"Error: nothing was graded: with --only q4, {said}"
    assert graded == []
    assert {path.name: path.read_bytes() for path in out.glob("*.json")} == kept
    if "--slurm" not in options:
        assert run("grade", folder, "--out", out).exit_code == 0
        assert set(json.loads((out / "a.json").read_text())["questions"]) == set(QUESTIONS)


def test_regrade_with_only_refuses_as_well(graded_before, monkeypatch):
    _, out, graded, before = graded_before
    now_of_other_code(monkeypatch)
    process = run("regrade", out, "a", "--only", "q4")
    assert process.exit_code == 1
    assert "a result in" in process.stderr
    assert "would lose q1, q2, q3" in process.stderr
    assert graded == []
    assert (out / "a.json").read_bytes() == before["a.json"]


def test_only_grades_what_has_nothing_to_lose(tmp_path, monkeypatch):
    """A submission without a result, and one of which only these questions were judged, by whatever grader."""
    graded = grade_quickly(monkeypatch)
    out = tmp_path / "out"
    assert run("grade", write(tmp_path / "in", ["a.py"]), "--out", out, "--only", "q1,q2,q3,q4").exit_code == 0
    now_of_other_code(monkeypatch)
    folder = write(tmp_path / "in", ["a.py", "b.py"])
    assert run("grade", folder, "--out", out, "--only", "q4,q3,q2,q1").exit_code == 0
    assert [path.name for path in graded] == ["a.py", "a.py", "b.py"]


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
