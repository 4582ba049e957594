"""A slip in a test or in the oracle is the grader's failure, and never costs a student points."""

import sys

import pytest

from autograder.oracle import judge
from autograder.student.errors import GraderBroken, StudentError, SuiteError
from autograder.student.local import LocalStudent
from autograder.student.no_submission import NoSubmission
from autograder.suite.run import run_suite

TEST = '''
import pytest
import torch
from autograder.oracle import judge_block
from autograder.suite import expect

pytestmark = pytest.mark.question("q1")


@pytest.mark.points(4)
def test_it(student):
    """It: what a check does."""
    {line}
'''
SLIPS = {
    "a misspelled name": "studnet.BasicBlock(8, 8)",
    "a name that a module does not have": "expect.assert_equal(1, 1)",
    "a missing key": "{'a': 1}['b']",
    "an import": "import nowhere",
    "a division": "1 / 0",
}
BEHIND = {
    "a wrong call": "expect.assert_shape(torch.zeros(1))",
    "an attribute of nothing": "None.shape",
}
MISUSE = {
    "a value that is no tensor": "student.BasicBlock(8).shape",
    "a tensor of another shape": "student.BasicBlock(8, 8)(torch.zeros(2, 3)) + torch.zeros(5)",
    "a tensor without dimensions": "torch.zeros(())[:1]",
    "no gradient": "torch.zeros(1).sum().backward()",
    "a plain assertion": "assert not student.BasicBlock",
}
CLASSES = {"BasicBlock": lambda *args: None if len(args) == 1 else (lambda x: x)}


class Behind:
    """Classes of a student as they are behind the sandbox: everything that the code does wrong has a type."""

    refused = {}  # noqa: RUF012
    errors_are_typed = True

    def BasicBlock(self, *args):
        raise StudentError("KeyError", "'conv1.mean'", "cell 1, line 1")


def run(line: str, student, tmp_path):
    folder = tmp_path / "hidden"
    folder.mkdir()
    (folder / f"test_{tmp_path.name}.py").write_text(TEST.format(line=line))  # pytest keeps modules by name
    return run_suite(student, [folder])


@pytest.mark.parametrize("line", SLIPS.values(), ids=SLIPS)
def test_a_slip_in_a_test_is_reported(line, tmp_path):
    with pytest.raises(SuiteError, match=r"\.py::test_it test_it is broken: hidden/test_.*\.py, line 13: "):
        run(line, LocalStudent(CLASSES), tmp_path)


@pytest.mark.parametrize("line", [*SLIPS.values(), *BEHIND.values()], ids=[*SLIPS, *BEHIND])
def test_behind_the_sandbox_more_slips_can_be_told(line, tmp_path):
    with pytest.raises(SuiteError, match="is broken"):
        run(line, Behind(), tmp_path)


@pytest.mark.parametrize("make", [lambda: LocalStudent(CLASSES), Behind, lambda: NoSubmission("not a notebook")])
def test_a_misspelled_argument_of_a_test_is_reported(make, tmp_path, monkeypatch):
    monkeypatch.setattr(sys.modules[__name__], "TEST", TEST.replace("(student)", "(studnet)"))
    with pytest.raises(SuiteError, match=r"\.py::test_it test_it is broken: it asks for an argument 'studnet'"):
        run("pass", make(), tmp_path)


def test_a_slip_before_the_student_is_used_is_reported_without_any_code(tmp_path):
    """The process that the grading processes are forked from runs the checks so."""
    with pytest.raises(SuiteError, match=r"is broken: hidden/test_.*\.py, line 13: NameError"):
        run("undefined_name(3)", NoSubmission("no code"), tmp_path)


@pytest.mark.parametrize("line", MISUSE.values(), ids=MISUSE)
def test_what_the_students_code_returned_is_not_a_slip(line, tmp_path):
    (outcome,) = run(line, LocalStudent(CLASSES), tmp_path)
    assert outcome.points == 0


def test_what_the_students_code_raised_is_its_own(tmp_path):
    (outcome,) = run("student.BasicBlock(8, 8)", Behind(), tmp_path)
    assert (outcome.outcome, outcome.message.got) == ("error", "your code raised KeyError: 'conv1.mean'")


@pytest.mark.parametrize("student", [LocalStudent(CLASSES), Behind()], ids=["here", "behind the sandbox"])
def test_an_error_in_the_oracle_is_the_graders(student, tmp_path, monkeypatch):
    monkeypatch.setattr(judge, "_judge", _raise_in_the_oracle)
    with pytest.raises(GraderBroken, match="KeyError"):
        run("judge_block(student, 'BasicBlock', 8, 8, 1, aspect='eval')", student, tmp_path)


def _raise_in_the_oracle(student, task, aspect):
    code = compile("raise KeyError('conv1.mean')", judge.__file__, "exec")
    exec(code)
