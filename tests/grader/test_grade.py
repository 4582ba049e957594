"""`python -m autograder grade` over the sample submissions: right scores, clear messages, nobody left behind."""

import json
import re
import shutil
import sys
from dataclasses import replace

import pytest

from autograder.contract import POINTS
from autograder.grading.grade import GRADED_EARLIER, Grader
from autograder.grading.result import COST_NOTHING, read_result
from autograder.maintain.build import solved_source
from autograder.maintain.gallery import complete
from autograder.maintain.samples import MISTAKES, STYLES, entries
from autograder.sandbox import launcher
from autograder.submission import all_slices, read_submission
from tests.grader import class_runs
from tests.grader.conftest import run

RIGHT = ("solution.ipynb", "exported.zip", "hours_long.ipynb", *(f"{name}.py" for name in STYLES))
UNREADABLE = {"not_json.ipynb": "JSON", "empty.ipynb": "empty"}
CPU_POINTS = {**POINTS, "q4": 8}  # 12 of q4 need a GPU


def lost(result: dict) -> dict[str, float]:
    """Points lost, by question."""
    gone = {q: score["possible"] - score["score"] for q, score in result["questions"].items()}
    return {q: points for q, points in gone.items() if points}


def explain(result: dict) -> str:
    return "\n".join(f"{t['id']}: {t['message']}" for t in result["tests"] if t["points"] < t["possible"])


def test_command_succeeds(graded):
    assert graded[""].returncode == 0, graded[""].stderr
    assert "report:" in graded[""].stdout


@pytest.mark.parametrize("name", RIGHT)
def test_right_sample_has_full_marks(graded, name):
    result = graded[name]
    assert result["status"] == "graded"
    assert not lost(result), explain(result)
    assert {q: s["possible"] for q, s in result["questions"].items()} == CPU_POINTS


def test_stubs_have_nothing(graded):
    result = graded["stubs.ipynb"]
    assert result["score"] == 0
    assert result["possible"] == sum(CPU_POINTS.values())
    said = [test["message"]["got"] for test in result["tests"] if test["question"] in ("q1", "q2") and test["possible"]]
    assert all("Not implemented yet" in message for message in said)


@pytest.mark.parametrize("name", MISTAKES)
def test_mistake_costs_its_own_question_only(graded, name):
    result = graded[f"{name}.ipynb"]
    assert set(lost(result)) == {name[:2]}, explain(result)


@pytest.mark.parametrize(("name", "words"), UNREADABLE.items())
def test_unreadable_says_so(graded, name, words):
    result = graded[name]
    assert result["status"] == "unreadable"
    assert result["score"] == 0
    assert words in result["problems"][0]


def test_missing_classes_keep_what_exists(graded):
    result = graded["missing_classes.ipynb"]
    assert result["status"] == "incomplete"
    assert "q1" not in lost(result), explain(result)
    assert result["questions"]["q2"]["score"] == 0
    assert any("`Bottleneck` is not defined" in problem for problem in result["problems"])


def test_syntax_error_names_its_cell(graded):
    result = graded["syntax_error.ipynb"]
    assert result["status"] == "incomplete"
    assert set(lost(result)) == {"q2"}, explain(result)
    assert any("cell" in problem and "line" in problem for problem in result["problems"])


def test_training_cells_cost_nothing(graded):
    assert graded["hours_long.ipynb"]["seconds"] < 3 * graded["solution.ipynb"]["seconds"]


def test_deferred_is_left_out(graded):
    deferred = [test for test in graded["solution.ipynb"]["tests"] if test["outcome"] == "deferred"]
    assert deferred, "the training test needs CUDA"
    assert all(test["possible"] == 0 and "GPU" in test["message"]["got"] for test in deferred)


def test_same_submission_same_result(samples, zygote):
    """Graded twice, in whatever company, a submission gets the same points and messages."""
    path = samples / f"{MISTAKES[0]}.ipynb"
    with Grader(zygote=zygote) as grader:
        first, second = grader.grade(path), grader.grade(path)
    assert first.model_copy(update={"seconds": second.seconds}) == second


@pytest.mark.slow
def test_the_second_slice_counts_where_it_earns_more(tmp_path, zygote):
    path = tmp_path / "computed.py"
    path.write_text(complete(entries()["names_computed"], solved_source()))
    with Grader(zygote=zygote) as grader:
        result = grader.grade(path)
    assert {name: result.questions[name].score for name in ("q1", "q2", "q3")} == {"q1": 25, "q2": 25, "q3": 30}
    assert GRADED_EARLIER in result.notes
    assert result.status == "graded"
    assert result.problems == ()


def test_the_first_slice_counts_where_the_second_earns_no_more(tmp_path, zygote):
    path = tmp_path / "same.py"
    wrong = complete(entries()["q1_relu_before_add"], solved_source()).replace("expansion = 1", "expansion = ONE")
    path.write_text(f"ONE = 1\nprint(ONE)\n{wrong}")
    assert len(all_slices(read_submission(path))) == 2
    with Grader(zygote=zygote) as grader:
        result = grader.grade(path, only=["q1"])
    assert 0 < result.questions["q1"].score < 25
    assert GRADED_EARLIER not in result.notes


def test_reproduce_compares_check_by_check(samples, tmp_path):
    """The same result is confirmed; of a result that was edited, the check is named."""
    shutil.copy(samples / f"{MISTAKES[0]}.ipynb", tmp_path / "jane.ipynb")
    out = tmp_path / "out"
    command = (sys.executable, "-m", "autograder")
    assert run(*command, "grade", tmp_path / "jane.ipynb", "--out", out, "--jobs", "1", "--only", "q1").returncode == 0
    process = run(*command, "reproduce", out / "jane.json", tmp_path / "jane.ipynb")
    assert process.returncode == 0, process.stderr
    assert re.fullmatch(r"\d+ checks the same, 0 differences\n", process.stdout)
    assert not process.stderr

    result = read_result(out / "jane.json")
    wrong = next(test for test in result.tests if test.points < test.possible)
    tests = [replace(t, points=t.possible, outcome="passed") if t is wrong else t for t in result.tests]
    (out / "jane.json").write_text(result.replace_tests(tests).to_json())
    process = run(*command, "reproduce", out / "jane.json", tmp_path / "jane.ipynb")
    assert process.returncode == 1
    edited = f"points was {wrong.possible:g} and is {wrong.points:g}; outcome was passed and is failed"
    assert process.stderr == f"different: {wrong.id}: {edited}\n"
    assert ", 1 difference\n" in process.stdout


def test_unsafe_grades_where_nothing_can_be_confined(samples, monkeypatch):
    """Outside Linux a grade needs --unsafe, which runs the code in this process and says so."""
    monkeypatch.setattr(launcher.sys, "platform", "darwin")
    with pytest.raises(launcher.SandboxUnavailable, match="it takes Linux"):
        Grader()
    with Grader(unsafe=True) as grader:
        result = grader.grade(samples / "solution.ipynb", only=["q1"])
    assert (result.score, result.isolation) == (POINTS["q1"], ("unsafe",))


def test_rerun_reuses_and_only_merges(samples, tmp_path):
    """A second run makes nothing twice; --only fills in without touching the rest."""
    folder, out = tmp_path / "in", tmp_path / "out"
    folder.mkdir()
    shutil.copy(samples / "stubs.ipynb", folder)
    command = ("grade", folder, "--out", out, "--jobs", "1", "--device", "cpu")
    assert class_runs.run(*command, "--only", "q1").exit_code == 0
    first = json.loads((out / "stubs.json").read_text())
    assert set(first["questions"]) == {"q1"}
    assert class_runs.run(*command).exit_code == 0
    second = json.loads((out / "stubs.json").read_text())
    assert set(second["questions"]) == set(POINTS)
    assert [t for t in second["tests"] if t["question"] == "q1"] == first["tests"]
    before = (out / "stubs.json").stat().st_mtime_ns
    assert class_runs.run(*command).exit_code == 0
    assert (out / "stubs.json").stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nowhere.ipynb"], "no such file"),
        (["assignment/handout"], "no .ipynb"),
        (["README.md", "--only", "q9"], "the questions are"),
        ([], "Missing argument"),
    ],
)
def test_usage_errors_are_one_clear_line(arguments, words):
    process = class_runs.run("grade", *arguments)
    assert process.exit_code == 2
    assert words in process.stderr.strip().splitlines()[-1]


def test_problems_that_cost_nothing_are_said_to(tmp_path, zygote):
    path = tmp_path / "hw3.py"
    with Grader(zygote=zygote) as grader:
        path.write_text(f"import a_library_that_is_not_here\n{solved_source()}\nnn.use = a_library_that_is_not_here")
        right = grader.grade(path, only=["q1"])
        path.write_text(path.read_text() + f"\n{entries()['q1_relu_before_add'].source}")
        wrong = grader.grade(path, only=["q1"])
    assert right.problems[0].endswith("No module named 'a_library_that_is_not_here'")
    assert right.problems[1:] == (COST_NOTHING,)
    assert wrong.score < wrong.possible
    assert wrong.problems == right.problems[:1]
    assert right.replace_tests(wrong.tests).problems == wrong.problems
    assert wrong.replace_tests(right.tests).problems == right.problems


def test_an_earlier_slice_does_not_replace_the_outcomes_that_are_known(zygote, tmp_path, monkeypatch):
    """A training of q4 alone needs what the other questions got before."""
    path = tmp_path / "entry.py"
    path.write_text(solved_source().replace("out + self.shortcut(x)", "out"))
    read, given, known = Grader._read, [], []

    def read_twice(self, path):
        reading = read(self, path)
        return replace(reading, earlier=(reading,))

    def take(self, student, reading, sha256, only, earlier, tests):
        given.append(earlier)
        return tests, None

    monkeypatch.setattr(Grader, "_read", read_twice)
    monkeypatch.setattr(Grader, "_train_if_asked", take)
    with Grader(zygote=zygote) as grader:
        assert grader.grade(path, only=["q1"], earlier=known).score < 25
    assert given[0] is known
