"""A message keeps its five parts from the check to the notebook, the terminal, the JSON and the report."""

import html
import json
import re
import sys
from dataclasses import asdict, replace
from html.parser import HTMLParser

import pytest
import torch
from torch import nn

from autograder.grading.result import Result
from autograder.maintain.build import solved_source
from autograder.maintain.gallery import complete
from autograder.maintain.samples import entries
from autograder.notebook.check import CheckResult
from autograder.oracle import judge_block
from autograder.platforms.gradescope import results_json
from autograder.report import write_html
from autograder.student.local import LocalStudent
from autograder.student.message import LONGEST_PART, CheckFailure, Message, as_text
from autograder.suite import expect
from autograder.suite.explain import explain
from autograder.suite.outcome import Outcome
from autograder.suite.run import run_suite
from tests.grader.conftest import ROOT, run

FORGED = "(9 of 9 cases of this check fail; the first is shown.)"
MESSAGE = Message(
    expected="relu(F(x) + x) <b>",
    got=f"-3 instead of 0\nExpected: a line that only looks like a part\n{FORGED}",
    hint="what comes last?",
    mistake="Your block applies its last ReLU to F(x).\nYour block has no BatchNorm.",
    where="cell 7, line 12, in forward\n    out = self.conv2(out)",
)
TEXT = f"""\
Your block applies its last ReLU to F(x).
Your block has no BatchNorm.
Expected: relu(F(x) + x) <b>
Got:      -3 instead of 0
          Expected: a line that only looks like a part
          {FORGED}
Hint:     what comes last?
cell 7, line 12, in forward
    out = self.conv2(out)"""

SUITE = f'''
import pytest

from autograder.student.message import CheckFailure, Message

pytestmark = pytest.mark.question("q1")


@pytest.mark.points(4)
@pytest.mark.parametrize("fails", [True, False, True])
def test_last(student, fails):
    """Last: the last case fails."""
    if fails:
        raise CheckFailure(Message(**{asdict(MESSAGE)!r}), ("relu_before_add", "no_batchnorm"))
'''


@pytest.fixture
def folder(tmp_path):
    """A suite of one check that fails with all five parts."""
    (tmp_path / "public").mkdir()
    (tmp_path / "public" / "test_last.py").write_text(SUITE)
    return tmp_path / "public"


@pytest.fixture
def outcome(folder) -> Outcome:
    [outcome] = run_suite(LocalStudent({}), [folder])
    return outcome


class Elements(HTMLParser):
    """The text of each paragraph and each block of code of a page."""

    def __init__(self, source: str):
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self.inside = False
        self.feed(source)

    def handle_starttag(self, tag, attrs):
        if tag in ("p", "pre"):
            self.found.append((tag, ""))
            self.inside = True

    def handle_endtag(self, tag):
        self.inside = self.inside and tag not in ("p", "pre")

    def handle_data(self, data):
        if self.inside:
            tag, text = self.found.pop()
            self.found.append((tag, text + data))


def test_an_outcome_has_the_parts(outcome):
    assert outcome.message == MESSAGE
    assert outcome.mistakes == ("relu_before_add", "no_batchnorm")
    assert (outcome.cases, outcome.failed_cases) == (3, 2)


def test_the_notebook_shows_labelled_paragraphs(outcome):
    elements = Elements(CheckResult("q1", [outcome])._repr_html_()).found
    assert elements[1:-1] == [
        ("p", MESSAGE.mistake),
        ("p", f"Expected: {MESSAGE.expected}"),
        ("p", f"Got: {MESSAGE.got}"),
        ("p", f"Hint: {MESSAGE.hint}"),
        ("pre", MESSAGE.where),
        ("p", "(2 of 3 cases of this check fail; the first is shown.)"),
    ]


def test_names_of_code_are_code_in_the_notebook(outcome):
    told = replace(outcome, title="Depth: `ResNet18()` <b>", message=Message(got="`BasicBlock` is not defined"))
    page = CheckResult("q3", [told])._repr_html_()
    assert "Depth: <code>ResNet18()</code> &lt;b&gt;" in page
    assert "<code>BasicBlock</code> is not defined" in page
    assert "`" not in page


def test_the_terminal_shows_labelled_lines(folder):
    command = ("-m", "pytest", "-p", "autograder.suite.plugin", "-p", "no:cacheprovider", "--noconftest", "-q")
    solution = ("--submission", ROOT / "solutions" / "resnet.py")
    said = run(sys.executable, *command, *solution, folder, cwd=folder.parent, PYTHONPATH=str(ROOT)).stdout
    indented = "".join(f"    {line}\n" for line in TEXT.splitlines())
    assert (
        f"{indented}    (2 of 3 cases of this check fail; the first is shown.)\n    Because of this, 1 check fails:\n"
        in said
    )
    assert f"\n{TEXT}\n" in said, "pytest's own section of failures"


def result_of(outcome: Outcome) -> Result:
    fields = {"sha256": "ab" * 32, "suite": "", "status": "graded", "seconds": 1.0, "training": None}
    return Result.of([outcome], submission="a.ipynb", isolation=(), problems=(), **fields)


def test_the_json_has_an_object(outcome):
    text = result_of(outcome).to_json()
    [test] = json.loads(text)["tests"]
    assert test["message"] == asdict(MESSAGE)
    assert (test["mistakes"], test["cases"], test["failed_cases"]) == (["relu_before_add", "no_batchnorm"], 3, 2)
    assert Result.model_validate_json(text, strict=True).tests == (outcome,)


def test_the_report_and_gradescope_show_the_parts(outcome, tmp_path):
    result = result_of(outcome)
    write_html([result], tmp_path / "report.html")
    source = (tmp_path / "report.html").read_text(encoding="utf-8")
    found = [(tag, html.unescape(text)) for tag, text in Elements(source).found]
    start = found.index(("p", MESSAGE.mistake))
    assert found[start + 1 : start + 5] == [
        ("p", f"Expected {MESSAGE.expected}"),
        ("p", f"Got {MESSAGE.got}"),
        ("p", f"Hint {MESSAGE.hint}"),
        ("pre", MESSAGE.where),
    ]
    assert '<span class="cases">2 of 3 cases</span>' in source
    [test] = results_json(result_of(replace(outcome, because=())), show_hidden=True)["tests"]
    assert test["output"] == f"failed\n{TEXT}"


def test_text_leaves_out_what_is_empty():
    assert as_text(Message()) == ""
    assert not Message()
    assert as_text(Message(got="nothing")) == "Got:      nothing"
    assert str(CheckFailure(MESSAGE)) == TEXT


def test_a_failed_assertion_has_three_parts():
    with pytest.raises(CheckFailure) as caught:
        expect.assert_shape(torch.zeros(2, 3), (2, 4), "it returns (2, 4)", "is the width right?")
    message = Message("it returns (2, 4)", "a tensor of shape (2, 3), not (2, 4)", "is the width right?")
    assert explain(caught.value) == ("failed", message, ())


BLOCK = """
import torch.nn as nn
import torch.nn.functional as F
class BasicBlock(nn.Module):
    expansion = 1
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(in_planes, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.shortcut = nn.Sequential()
        if stride != 1 or in_planes != planes:
            conv = nn.Conv2d(in_planes, planes, 1, stride, bias=False)
            self.shortcut = nn.Sequential(conv, nn.BatchNorm2d(planes))
    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        return {returned}
"""


def student_of(returned: str, folder) -> LocalStudent:
    (folder / "resnet.py").write_text(BLOCK.format(returned=returned))
    return LocalStudent.from_file(folder / "resnet.py")


def test_a_verdict_says_the_mistake_first(tmp_path):
    student = student_of("F.relu(out) + self.shortcut(x)", tmp_path)
    verdict = judge_block(student, "BasicBlock", 8, 8, 1, aspect="eval")
    assert verdict.mistakes == ("relu_before_add",)
    message = verdict.message
    assert message.mistake.startswith("Your block applies its last ReLU to F(x), before the shortcut is added")
    assert message.expected.startswith("in eval mode, with any weights, BasicBlock(8, 8) computes relu(bn(")
    assert re.match(r"the output differs in \d+ of 1152 values", message.got)
    assert message.mistake.endswith("Read again: Part 2 of the notebook; He et al. 2015, section 3.2 and figure 2.")
    with pytest.raises(CheckFailure) as caught:
        verdict.require()
    assert explain(caught.value) == ("failed", message, ("relu_before_add",))


def test_an_exception_shows_the_students_own_lines(tmp_path):
    student = student_of("F.relu(out.view(7) + x)", tmp_path)
    with pytest.raises(RuntimeError) as caught:
        student.BasicBlock(8, 8)(torch.zeros(1, 8, 4, 4))
    outcome, message, mistakes = explain(caught.value)
    assert (outcome, mistakes) == ("error", ())
    assert message == Message(
        got="your code raised RuntimeError: shape '[7]' is invalid for input of size 128",
        where="resnet.py, line 19, in forward\n    return F.relu(out.view(7) + x)",
    )


@pytest.mark.parametrize("aspect", ["eval", "train", "gradient"])
def test_an_exception_that_is_judged_shows_them_as_well(tmp_path, aspect):
    student = student_of("F.relu(out.view(7) + x)", tmp_path)
    with pytest.raises(RuntimeError) as caught:
        judge_block(student, "BasicBlock", 8, 8, 1, aspect=aspect)
    assert explain(caught.value)[1].where == "resnet.py, line 19, in forward\n    return F.relu(out.view(7) + x)"


def test_what_pytorch_has_not_implemented_is_no_stub(tmp_path):
    student = student_of("nn.ModuleList()(out)", tmp_path)
    with pytest.raises(NotImplementedError) as caught:
        student.BasicBlock(8, 8)(torch.zeros(1, 8, 4, 4))
    outcome, message, _ = explain(caught.value)
    assert outcome == "error"
    assert message.got == (
        'your code raised NotImplementedError: Module [ModuleList] is missing the required "forward" function'
    )
    student = student_of("stub()\n\n\ndef stub():\n    raise NotImplementedError('forward')", tmp_path)
    with pytest.raises(NotImplementedError) as caught:
        student.BasicBlock(8, 8)(torch.zeros(1, 8, 4, 4))
    assert explain(caught.value)[1].got == "Not implemented yet: forward"


def test_an_exception_without_own_lines_says_what_to_compare():
    with pytest.raises(TypeError) as caught:
        nn.Linear()
    outcome, message, _ = explain(caught.value)
    assert outcome == "error"
    assert message.got.startswith("using your code as the question asks raised TypeError: Linear.__init__() missing")
    assert message.hint == "compare names, arguments and defaults with those in the text of the question"


class Hostile(Exception):
    def __str__(self):
        raise SystemExit


def test_a_hostile_exception_becomes_a_message():
    assert "(its message cannot be shown)" in explain(Hostile())[1].got


def test_each_part_has_a_limit():
    long = Message(*["x" * 10_000_000] * 5).shorten()
    for part in asdict(long).values():
        assert part == "x" * LONGEST_PART + " ... (cut)"
    assert MESSAGE.shorten() == MESSAGE
    exception = replace(MESSAGE, got="y" * 100_000)
    assert len(explain(CheckFailure(exception))[1].got) < LONGEST_PART + 20


@pytest.mark.parametrize(
    ("name", "said"),
    [("q3_stage_assigned_twice", "is one attribute assigned twice"), ("q3_blocks_in_list", "in a Python list")],
)
def test_blocks_that_are_thrown_away_are_in_no_list(name, said, tmp_path):
    path = tmp_path / "resnet.py"
    path.write_text(complete(entries()[name], solved_source()))
    outcomes = run_suite(LocalStudent.from_file(path), [ROOT / "tests/public"], only=["q3"])
    (stages,) = [outcome for outcome in outcomes if outcome.id.endswith("::test_stages")]
    assert said in stages.message.hint
