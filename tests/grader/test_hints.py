"""The notebook names a mistake first, folds what follows from it, and gives hints step by step."""

import re

import pytest
import torch

from autograder.maintain.build import solved_source
from autograder.notebook.check import CheckResult, Notebook, run_checks
from autograder.notebook.hints import FIRST, SECOND, WRONG_STEP, make_hint
from autograder.oracle import naming
from autograder.student.local import LocalStudent
from autograder.submission import execute, read_submission, slice_submission

WRONG = "F.relu(out) + self.shortcut(x)"


@pytest.fixture
def env(tmp_path):
    """Execute the solution with one change, as a notebook's kernel holds it."""

    def make(old: str, new: str) -> dict:
        source = solved_source()
        assert old in source
        path = tmp_path / "resnet.py"
        path.write_text(source.replace(old, new, 1))
        namespace: dict = {}
        assert not execute(slice_submission(read_submission(path)), namespace)
        return namespace

    return make


@pytest.fixture
def relu_first(env) -> CheckResult:
    return run_checks("q1", env("F.relu(out + self.shortcut(x))", WRONG))


def test_the_sentence_comes_first_and_the_checks_are_folded(relu_first):
    html = relu_first._repr_html_()
    failed = [o for o in relu_first.outcomes if o.outcome == "failed"]
    assert {o.because for o in failed} == {("relu_before_add",)}
    assert html.count("Your block applies its last ReLU to F(x)") == 1
    assert html.index("Your block applies") < html.index("<details>") < html.index("Output shape")
    assert f"Because of this, {len(failed)} checks fail" in html
    assert len(failed) >= 5


def test_a_layer_is_shown_with_its_line(env):
    old = "self.conv1 = nn.Conv2d(in_planes, planes, kernel_size=3, stride=stride, padding=1, bias=False)"
    new = old.replace(", bias=False", "")
    said = repr(run_checks("q1", env(old, new)))
    assert re.search(rf"resnet.py, line \d+\n +{re.escape(new)}", said), said


def test_right_code_gets_no_name_and_no_hint(env):
    result = run_checks("q1", env("expansion = 1", "expansion = 1"))
    assert result.passed_all
    assert "because of this" not in repr(result).lower()
    assert "nothing to hint at" in repr(make_hint("q1", result.outcomes, result.diagnosis, 1))


def test_hints_go_from_where_to_the_steps(relu_first):
    first, second = (make_hint("q1", relu_first.outcomes, relu_first.diagnosis, number) for number in (1, 2))
    assert repr(first).startswith(FIRST)
    assert "Expected: " in repr(first)
    assert WRONG_STEP not in repr(first)
    rows = repr(second).splitlines()
    assert rows[0].startswith(SECOND)
    assert [row.split("  ")[1] for row in rows if WRONG_STEP in row] == ["F(x) + shortcut", "ReLU"]
    assert "(2, 128, 16, 16)" in rows[1]
    assert second._repr_html_().count(WRONG_STEP) == 2


def test_hints_start_again_when_the_code_has_changed(env, monkeypatch):
    wrong = [
        env("F.relu(out + self.shortcut(x))", WRONG),
        env("F.relu(out + self.shortcut(x))", "out + self.shortcut(x)"),
    ]
    notebook = Notebook.__new__(Notebook)
    notebook._hints = {}
    shown = []
    for namespace in (wrong[0], wrong[0], wrong[1]):
        monkeypatch.setattr("autograder.notebook.check._live_namespace", lambda namespace=namespace: namespace)
        shown.append(repr(notebook.hint("q1")).startswith(FIRST))
    assert shown == [True, False, True]


def test_code_without_a_name_gets_hints_too(env):
    result = run_checks("q1", env("F.relu(out + self.shortcut(x))", "F.relu(out + self.shortcut(x)).sin()"))
    assert result.diagnosis is None
    assert "Expected: " in repr(make_hint("q1", result.outcomes, None, 1))
    assert WRONG_STEP not in repr(make_hint("q1", result.outcomes, None, 2))


def test_a_line_that_is_not_there_is_not_shown():
    assert LocalStudent({"BasicBlock": dict}).line_that_defines("BasicBlock", "conv1") == ""


def test_a_check_of_slow_code_says_what_it_does(env, monkeypatch, capsys):
    monkeypatch.setattr("autograder.notebook.patience.SECONDS", 0)
    assert run_checks("q1", env("expansion = 1", "expansion = 1")).passed_all
    first = capsys.readouterr().out.splitlines()[0]
    assert re.fullmatch(r"Your code takes long: after \d+ s, this check runs: Output shape: .*\.", first), first
    monkeypatch.setattr("autograder.notebook.patience.SECONDS", 1000)
    run_checks("q1", env("expansion = 1", "expansion = 1"))
    assert capsys.readouterr().out == ""


def test_the_search_for_a_mistake_runs_once(env, monkeypatch):
    """It takes most of the time of a check, and more of it with the threads that a notebook has."""
    threads = []

    def counted(student, question):
        threads.append(torch.get_num_threads())
        return diagnose(student, question)

    diagnose = naming.diagnose
    monkeypatch.setattr(naming, "diagnose", counted)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        result = run_checks("q1", env("F.relu(out + self.shortcut(x))", WRONG))
    finally:
        torch.set_num_threads(before)
    assert result.diagnosis.names == ("relu_before_add",)
    assert threads == [1]
