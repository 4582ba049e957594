"""Gradescope's results.json: documented fields only, no word and no number about hidden tests, deferred points.

The specification: https://gradescope-autograders.readthedocs.io/en/latest/specs/
"""

import json

import pytest

from autograder.grading.result import Result, Training
from autograder.grading.seeds import suite_version
from autograder.platforms.deferred import DEFERRED, add_deferred, collect
from autograder.platforms.gradescope import results_json
from autograder.report import ResultsError
from tests.grader.class_runs import run
from tests.grader.test_report import a_class, make_grade, make_test, save

NUMBER, TEXT, LIST, DICT = (int, float), str, list, dict
FORMATS = ("text", "html", "simple_format", "md", "ansi")
VISIBILITIES = ("hidden", "after_due_date", "after_published", "visible")
TOP = {
    "score": NUMBER,
    "execution_time": NUMBER,
    "output": TEXT,
    "output_format": FORMATS,
    "test_output_format": FORMATS,
    "test_name_format": FORMATS,
    "visibility": VISIBILITIES,
    "stdout_visibility": VISIBILITIES,
    "extra_data": DICT,
    "tests": LIST,
    "leaderboard": LIST,
}
TEST = {
    "score": NUMBER,
    "max_score": NUMBER,
    "status": ("passed", "failed"),
    "name": TEXT,
    "name_format": FORMATS,
    "number": TEXT,
    "output": TEXT,
    "output_format": FORMATS,
    "tags": LIST,
    "visibility": VISIBILITIES,
    "extra_data": DICT,
}


def faults(result: dict) -> list[str]:
    """What Gradescope's specification does not know."""
    found = []
    for where, entry, fields in [("top", result, TOP), *(("test", test, TEST) for test in result.get("tests", []))]:
        for field, value in entry.items():
            known = fields.get(field, ())
            if not (isinstance(value, known) if isinstance(known, type) or known is NUMBER else value in known):
                found.append(f"{where}: {field} = {value!r}")
    if "score" not in result and not any("score" in test for test in result.get("tests", [])):
        found.append("no score")
    return found


def seen_by_students(result: dict) -> dict:
    """What is left of a results.json before the grades are published: Gradescope shows no total beside hidden tests."""
    shown = [test for test in result["tests"] if test.get("visibility", "visible") == "visible"]
    if len(shown) < len(result["tests"]):
        assert "score" not in result
    return {**result, "tests": shown}


def test_the_check_finds_faults():
    assert faults({"tests": [{"score": 1.0, "visibility": "secret"}], "points": 1}) == [
        "top: points = 1",
        "test: visibility = 'secret'",
    ]


@pytest.mark.parametrize("show_hidden", [False, True])
def test_documented_fields_only(show_hidden):
    for grade in a_class():
        result = json.loads(json.dumps(results_json(grade, show_hidden)))
        assert faults(result) == []
        assert result["extra_data"]["sha256"] == grade.sha256
        assert result["extra_data"]["grader"]["code"] == grade.grader.code
        assert sum(test.get("score", 0) for test in result["tests"]) == grade.score
        assert sum(test.get("max_score", 0) for test in result["tests"]) == grade.possible


@pytest.mark.parametrize("show_hidden", [False, True])
def test_what_students_see_does_not_depend_on_hidden_tests(show_hidden):
    """Two submissions that differ in hidden tests alone look the same: no number tells them apart."""
    grade = make_grade("a.ipynb", make_test(), make_test("q1", "relu", "failed"), make_test("q2", "norm", hidden=True))
    other = make_grade("a.ipynb", *grade.tests[:2], make_test("q2", "norm", "failed", hidden=True), seconds=99.0)
    assert grade.score != other.score
    seen = [json.dumps(seen_by_students(results_json(each, show_hidden))) for each in (grade, other)]
    assert seen[0] == seen[1]
    assert "5 of 10 points in the checks that you have" in seen[0]
    assert "Norm" not in seen[0]


def test_hidden_tests_are_shown_once_grades_are_published():
    """With show_hidden on, never before: an upload must not tell what a hidden test says."""
    for show_hidden, visibility in ((False, "hidden"), (True, "after_published")):
        public, wrong, hidden, *_ = results_json(a_class()[0], show_hidden)["tests"]
        assert (public["visibility"], hidden["visibility"]) == ("visible", visibility)
        assert "Expected: relu(x)" in wrong["output"]
        assert "RuntimeError" in hidden["output"]  # for the instructors at least


def test_student_text_is_read_as_text():
    result = results_json(a_class()[0], show_hidden=True)
    assert {result["output_format"], result["test_output_format"], result["test_name_format"]} == {"text"}


def test_deferred_is_neither_passed_nor_failed_and_left_out_of_the_maximum():
    result = results_json(a_class()[0], show_hidden=False)
    assert result["output"].splitlines()[-1] == (
        "Not part of the score yet: 12 points, judged later on a machine with a GPU."
    )
    assert not {"score", "max_score", "status"} & result["tests"][-1].keys()


# The deferred points come back

ACCURACY = make_test("q4", "accuracy", points=12.0, hidden=True)
TRAINING = Training(accuracy=0.5, threshold=0.3, seconds=9.0, recipe="1 epoch", note="")


def trained(**more) -> Result:
    fields = {"training": TRAINING, "suite": suite_version(), **more}
    return make_grade("resnet.ipynb", make_test("q4", "overfit", points=8.0), ACCURACY, **fields)


def test_gpu_results_take_the_place_of_deferred_ones(tmp_path):
    (tmp_path / "source" / DEFERRED).parent.mkdir(parents=True)
    (tmp_path / "source" / DEFERRED).write_text(collect(save([trained()], tmp_path / "results")))
    deferred = make_test("q4", "accuracy", "deferred", hidden=True)
    before = make_grade("resnet.ipynb", make_test("q4", "overfit", "failed", points=8.0), deferred)
    after = add_deferred(before, tmp_path / "source")
    assert (before.score, before.possible) == (0, 8)
    assert after.training == TRAINING
    assert (after.score, after.possible) == (12, 20)  # what this machine judged stays as it is
    assert "Not part of the score" not in results_json(after, show_hidden=False)["output"]
    other = before.model_copy(update={"sha256": "cd" * 32})
    assert add_deferred(other, tmp_path / "source") == other


def test_without_gpu_results_nothing_changes(tmp_path):
    grade = make_grade("resnet.ipynb")
    assert add_deferred(grade, tmp_path) == grade


@pytest.mark.parametrize(
    ("grade", "why"), [(trained(training=None), "no network was trained"), (trained(suite="old"), "other tests")]
)
def test_results_that_do_not_fit_are_refused(grade, why, tmp_path):
    with pytest.raises(ResultsError, match=why):
        collect(save([grade], tmp_path / "results"))


def test_build_refuses_results_without_a_training_before_it_writes_anything(tmp_path):
    process = run("build", "--gpu-results", tmp_path)
    assert process.exit_code == 1
    assert "no result files here" in process.stderr
