"""A function that is neither the one asked for nor explained earns at most half of its question."""

from dataclasses import replace

import pytest

from autograder.contract import POINTS
from autograder.grading.result import Result
from autograder.grading.seeds import SUITE
from autograder.maintain.build import solved_source
from autograder.maintain.gallery import complete
from autograder.maintain.samples import entries
from autograder.platforms.gradescope import results_json
from autograder.platforms.otter_plugin import as_test_files, report
from autograder.report.submission_view import arrange
from autograder.student.errors import GraderBroken, StudentCrash, StudentError, StudentTimeout
from autograder.student.local import NotDefined
from autograder.student.message import CheckFailure, Message
from autograder.suite.cap import PREFIX, apply_cap
from autograder.suite.outcome import Outcome
from autograder.suite.run import run_suite
from tests.grader.conftest import student_of

TESTS = '''
import pytest

pytestmark = pytest.mark.question("q1")


@pytest.mark.points(7)
def test_property(student):
    """Property: one of many."""


@pytest.mark.points(3)
@pytest.mark.forward
def test_function(student):
    """Function: it is the reference's."""
    student.judge()
'''


def outcome(name: str, points: float, possible: float, differs=False, mistakes=(), question="q3") -> Outcome:
    state = "passed" if points else "failed"
    return Outcome(f"hidden/t.py::{name}", question, "T: t.", points, possible, state, True, Message(), mistakes)


WRONG = replace(outcome("forward", 0, 4), differs=True)
PROPERTIES = outcome("properties", 22, 26)


def taken(*outcomes: Outcome) -> float:
    return sum(o.points for o in apply_cap(outcomes) if o.id.startswith(PREFIX))


def test_an_unexplained_function_earns_half():
    assert taken(PROPERTIES, WRONG) == -7


@pytest.mark.parametrize(
    "outcomes",
    [
        (PROPERTIES, outcome("forward", 4, 4)),
        (PROPERTIES, replace(WRONG, mistakes=("relu_before_add",))),
        (outcome("properties", 12, 26), WRONG),
        (PROPERTIES, replace(WRONG, differs=False)),
        (replace(PROPERTIES, question="q1"), WRONG),
    ],
    ids=["right", "named", "less than half", "not compared", "another question"],
)
def test_nothing_is_taken_otherwise(outcomes):
    assert taken(*outcomes) == 0


def test_a_function_that_its_mistakes_explain_only_in_part_earns_half():
    named = replace(WRONG, mistakes=("relu_before_add",), possible=3)
    assert taken(PROPERTIES, replace(WRONG, id="any", possible=1), named) == -7


def test_a_name_that_explains_nothing_leaves_the_cap():
    assert taken(PROPERTIES, replace(WRONG, mistakes=("block_ignored",))) == -7


def test_a_function_that_named_mistakes_stop_earns_half_and_is_called_so():
    stopped = replace(WRONG, mistakes=("no_padding",), because=("no_padding",), points=4, stopped=True)
    *_, line = apply_cap([PROPERTIES, stopped])
    assert (line.points, line.title.partition(":")[0]) == (-11, "Does not run")
    assert "because of what is named above" in line.message.got
    *_, line = apply_cap([PROPERTIES, stopped, replace(WRONG, id="any", possible=1)])
    assert (line.points, line.title.partition(":")[0]) == (-10.5, "Not explained")


def test_deferred_points_are_not_possible():
    deferred = Outcome("hidden/t.py::later", "q3", "T: t.", 0.0, 0.0, "deferred", True)
    assert taken(PROPERTIES, WRONG, deferred) == -7


def test_it_is_applied_once():
    once = apply_cap([PROPERTIES, WRONG])
    assert apply_cap(once) == once


@pytest.mark.parametrize(
    ("error", "differs"),
    [
        (CheckFailure(Message("this", "that")), True),
        (StudentError("ValueError", "x", "cell 1, line 1"), True),
        (StudentCrash("it ended the process"), True),
        (StudentTimeout("too long"), True),
        (NotDefined(Message(got="`BasicBlock` is not defined")), False),
    ],
    ids=["another value", "raises", "crash", "timeout", "missing"],
)
def test_what_counts_as_another_function(error, differs, tmp_path):
    class Student:
        refused = {}  # noqa: RUF012

        def judge(self):
            raise error

    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / f"test_{tmp_path.name}.py").write_text(TESTS)
    outcomes = run_suite(Student(), [tmp_path / "hidden"])
    assert [o.differs for o in outcomes] == [False, differs]
    assert taken(*outcomes) == (-2 if differs else 0)


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """A network that has most of the properties and computes something else."""
    source = complete(entries()["q1_zeros_for_many_images"], solved_source())
    outcomes = run_suite(student_of(source, tmp_path_factory.mktemp("cap")), SUITE, only=["q1"])
    fields = {"seconds": 1.0, "isolation": (), "problems": (), "training": None, "suite": ""}
    return Result.of(outcomes, submission="a.py", sha256="", status="graded", **fields)


def test_the_suite_takes_points_from_a_function_that_nothing_explains(result):
    assert result.score == POINTS["q1"] / 2
    assert result.possible == POINTS["q1"]
    assert result.tests[-1].points == -11.5
    assert Result.model_validate_json(result.to_json(), strict=True) == result
    assert result.replace_tests(result.tests) == result


def test_every_report_has_a_line_for_it(result):
    line = "Not explained: the function is not the one that the question asks for"
    assert f"{line}, so half of its points is the most. (-11.5)" in report(result)
    (check,) = [
        c for f in arrange(result, "a", "s1").questions[0].findings for c in f.checks if c.title.startswith(line)
    ]
    assert check.score == "-11.5"
    (test,) = [test for test in results_json(result, show_hidden=False)["tests"] if line in test["name"]]
    assert (test["score"], test["max_score"], test["status"], test["visibility"]) == (-11.5, 0, "failed", "hidden")
    (file,) = as_test_files(result)
    assert (file.score, file.possible) == (12.5, 25)


def test_the_graders_own_failure_takes_nothing(tmp_path):
    class Student:
        refused = {}  # noqa: RUF012

        def judge(self):
            raise GraderBroken("ours")

    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / f"test_{tmp_path.name}.py").write_text(TESTS)
    with pytest.raises(GraderBroken):
        run_suite(Student(), [tmp_path / "hidden"])
