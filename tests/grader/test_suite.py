"""The suite's own rules: points, titles, and how cases fold into an outcome."""

import ast
import importlib.util
import re
from pathlib import Path
from typing import ClassVar

import pytest
import torch

from autograder.contract import POINTS
from autograder.grading.seeds import SUITE
from autograder.maintain.build import GRADER_PACKAGES, STUDENT_PACKAGES, solved_source
from autograder.student.errors import StudentError, StudentTimeout
from autograder.student.message import Message
from autograder.student.no_submission import NoSubmission
from autograder.suite import expect
from autograder.suite.explain import explain
from autograder.suite.outcome import Case, combine
from autograder.suite.run import SuiteError, run_suite
from tests.grader.conftest import ROOT, student_of

FILES = sorted((ROOT / "tests" / "public").glob("*.py")) + sorted((ROOT / "tests" / "hidden").glob("*.py"))


def test_points_add_up():
    """Every question's tests are worth what the contract says, deferred ones included."""
    declared: dict[str, float] = dict.fromkeys(POINTS, 0.0)
    for path in FILES:
        tree = ast.parse(path.read_text())
        question = next(
            node.value.args[0].value
            for node in tree.body
            if isinstance(node, ast.Assign) and node.targets[0].id == "pytestmark"
        )
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
                marks = [d for d in node.decorator_list if isinstance(d, ast.Call) and d.func.attr == "points"]
                assert len(marks) == 1, f"{path.name}::{node.name} needs one points marker"
                declared[question] += marks[0].args[0].value
    assert declared == POINTS


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_test_has_a_title(path: Path):
    """The first line of the docstring is the title in every report: `Short name: what is checked.`"""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            title = (ast.get_docstring(node) or "").split("\n")[0]
            assert ": " in title, f"{path.name}::{node.name}: {title!r}"
            assert title.endswith("."), f"{path.name}::{node.name}: {title!r}"
            assert title.count("(") == title.count(")"), f"{path.name}::{node.name}: {title!r}"


def test_public_suite_needs_nothing_hidden():
    """What students get imports no package that only graders have."""
    for path in [*FILES[:4], *(ROOT / "autograder" / "suite").glob("*.py")]:
        for package in set(GRADER_PACKAGES) - set(STUDENT_PACKAGES):
            assert not re.search(rf"^\s*(from|import) autograder\.{package}\b", path.read_text(), re.MULTILINE), path


def how_pytorch_computes() -> tuple[int, bool, bool]:
    return torch.get_num_threads(), torch.backends.mkldnn.enabled, torch._C._get_nnpack_enabled()


class Counting:
    """Classes that say with how many threads PyTorch computes, and whether with oneDNN and with NNPACK."""

    refused: ClassVar[dict] = {}
    seen: ClassVar[set[tuple[int, bool, bool]]] = set()

    def __getattr__(self, name):
        self.seen.add(how_pytorch_computes())
        raise StudentError("NotImplementedError", "", "")


def test_one_thread_computes_with_plain_kernels_and_afterwards_all_is_as_before():
    torch.set_num_threads(2)
    try:
        run_suite(Counting(), SUITE, only=["q4"])
        assert how_pytorch_computes() == (2, True, True)
    finally:
        torch.set_num_threads(1)
    assert Counting.seen == {(1, False, False)}


def fold(*cases: Case):
    return combine("hidden/test_q1.py::test_x", "q1", "Title: what.", 4.0, cases)


def test_points_need_every_case():
    assert fold(Case("passed"), Case("passed")).points == 4
    why = Message("this", "that")
    outcome = fold(Case("passed"), Case("failed", why, ("relu_before_add",)))
    assert (outcome.points, outcome.possible, outcome.message) == (0, 4, why)
    assert (outcome.cases, outcome.failed_cases) == (2, 1)
    assert outcome.mistakes == ("relu_before_add",)
    assert outcome.hidden


def test_deferred_is_not_possible():
    outcome = fold(Case("deferred", Message(got="needs a GPU")))
    assert (outcome.points, outcome.possible, outcome.outcome, outcome.failed_cases) == (0, 0, "deferred", 0)


def test_worst_case_is_shown():
    outcome = fold(Case("failed", Message(got="a")), Case("timeout", Message(got="b")), Case("passed"))
    assert outcome.outcome == "timeout"
    assert outcome.message == Message(got="b")
    assert (outcome.cases, outcome.failed_cases) == (3, 2)


def test_a_change_in_place_is_explained():
    """PyTorch raises in backward, where no line is the student's."""
    y = torch.zeros(2, requires_grad=True).relu()
    y += 1
    with pytest.raises(RuntimeError) as caught:
        y.sum().backward()
    outcome, message, _ = explain(caught.value)
    assert outcome == "error"
    assert message.got.startswith("RuntimeError: one of the variables needed for gradient computation")
    assert message.hint.startswith("no gradient can be computed, because an operation in place")


class Claims(torch.nn.Module):
    """Has a parameter, hands back something else, and says that a gradient came."""

    def __init__(self, honest: bool):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(4, 3))
        self.honest = honest

    def forward(self, x):
        y = x @ self.weight.T
        return y if self.honest else x.sum() + 0 * y

    def named_parameters(self, *args, **kwargs):
        for name, parameter in super().named_parameters(*args, **kwargs):
            if not self.honest:
                parameter.grad = torch.randn_like(parameter)
            yield name, parameter


def test_gradients_must_be_true():
    expect.assert_every_parameter_learns(Claims(honest=True), torch.randn(5, 3), "a layer")
    with pytest.raises(AssertionError, match="a step along the gradients changes the output by"):
        expect.assert_every_parameter_learns(Claims(honest=False), torch.randn(5, 3), "a layer")


def test_what_is_not_a_number_does_not_differ():
    with pytest.raises(AssertionError, match="not a number"):
        expect.assert_differ(torch.full((2,), float("nan")), torch.zeros(2), "it differs", "the same")


def test_a_broken_test_file_is_an_error_in_every_run(tmp_path):
    """Not only in the first one of a process: the file's module must not be found half-made by the next."""
    (tmp_path / "hidden").mkdir()
    (tmp_path / "hidden" / "test_broken.py").write_text("1 / 0\n")
    for _ in range(2):
        with pytest.raises(SuiteError, match="did not run"):
            run_suite(NoSubmission(""), [ROOT / "tests" / "public", tmp_path / "hidden"], only=["q4"])


@pytest.mark.parametrize(
    ("file", "function", "arguments"),
    [
        ("public/test_q3_resnet.py", "resnet18_of_probes", (None,)),
        ("hidden/test_q3_hidden.py", "right_blocks", ("BasicBlock", 1, {(64, 64, 1): 73_984})),
    ],
)
def test_code_that_does_not_return_in_time_is_no_reason_to_pass(file, function, arguments):
    class Slow:
        def skeleton(self, *_):
            raise StudentTimeout

        def ResNet18(self, basic_block=None):
            raise StudentTimeout

    spec = importlib.util.spec_from_file_location("checks", ROOT / "tests" / file)
    checks = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(checks)
    with pytest.raises(StudentTimeout):
        getattr(checks, function)(Slow(), *arguments)


@pytest.mark.parametrize("name", ["BasicBlock", "Bottleneck"])
@pytest.mark.parametrize("default", ["stride", "stride=2"])
def test_a_wrong_default_of_stride_is_no_fault_of_the_network_that_relies_on_it(name, default, tmp_path):
    before, definition, after = solved_source().partition(f"class {name}(")
    source = before + definition + after.replace("stride=1):", f"{default}):", 1)
    call = "block(self.in_planes, planes, block_stride)"
    relies = source.replace(call, call + " if block_stride != 1 else block(self.in_planes, planes)")
    assert len({source, relies, before + definition + after}) == 3
    tests = run_suite(student_of(relies, tmp_path), SUITE, only=["q3"], marked="not needs_cuda")
    assert [outcome.title for outcome in tests if outcome.outcome != "passed"] == []


def test_images_that_the_network_normalises_itself_are_no_fault_of_resnet18(tmp_path):
    stem = "F.relu(self.bn1(self.conv1(x)))\n        out = self.layer4"
    normalised = "(x - x.mean((1, 2, 3), keepdim=True)) / x.std((1, 2, 3), keepdim=True)"
    before, definition, after = solved_source().partition("class ResNet(")
    assert stem in after
    source = before + definition + after.replace(stem, stem.replace("(x)", f"({normalised})"), 1)
    tests = run_suite(student_of(source, tmp_path), SUITE, only=["q3"], marked="not needs_cuda")
    failed = {outcome.id.rpartition("::")[2] for outcome in tests if outcome.outcome != "passed"}
    assert "test_forward" in failed
    assert "test_resnet18" not in failed
