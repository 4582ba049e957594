"""The line that defines a layer is found alike in code that runs here and in the text of a slice."""

import re
import time

import pytest

from autograder.grading.grade import Grader
from autograder.maintain.build import solved_source
from autograder.student.local import LocalStudent
from autograder.submission import Slice, SlicedCell, read_submission, slice_submission
from autograder.submission.defining_line import LONGEST_LINE, find_in_slice
from autograder.submission.sanitize import REPLACEMENT

CONV1 = "self.conv1 = nn.Conv2d(in_planes, planes, kernel_size=3, stride=stride, padding=1, bias=False)"
INHERITED = """
class Base(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Identity()


class Residual(Base):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.same = self.conv1 == None
        self.bn1: nn.Module = nn.Identity()


BasicBlock = Residual  # its name in the notebook
"""

TWICE = """
class BasicBlock(nn.Module):
    def __init__(self):
        self.conv1 = "old"


class BasicBlock(
    nn.Module,
):
    def forward(self, x):
        return x

    # a comment
# a comment at the left margin

    def __init__(self):
        self.bn1, self.conv1 = None, "new"
"""


@pytest.fixture
def both(tmp_path):
    """A function that finds a line in code that runs here and in its slice."""

    def find(code: str, attribute: str) -> str:
        path = tmp_path / "submission.py"
        path.write_text("import torch.nn as nn\n" + code)
        behind = find_in_slice(slice_submission(read_submission(path), ["BasicBlock"]), "BasicBlock", attribute)
        assert LocalStudent.from_file(path).line_that_defines("BasicBlock", attribute) == behind
        return behind

    return find


@pytest.mark.parametrize(
    ("code", "attribute", "line"),
    [
        (INHERITED, "conv1", "submission.py, line 6\n    self.conv1 = nn.Identity()"),
        (INHERITED, "bn1", "submission.py, line 13\n    self.bn1: nn.Module = nn.Identity()"),
        (INHERITED, "same", "submission.py, line 12\n    self.same = self.conv1 == None"),
        (INHERITED, "conv", ""),
        (TWICE, "conv1", 'submission.py, line 18\n    self.bn1, self.conv1 = None, "new"'),
    ],
)
def test_the_line(both, code, attribute, line):
    assert both(code, attribute) == line


def test_a_class_that_raises_when_it_is_looked_at():
    class Options(dict):
        __getattr__ = dict.__getitem__

    class BasicBlock:
        options = Options()

    assert LocalStudent({"BasicBlock": BasicBlock}).line_that_defines("BasicBlock", "conv1") == ""


def test_what_a_reader_cannot_see_is_not_shown_as_it_is(both):
    code = 'class BasicBlock:\n    def __init__(self):\n        self.conv1 = "\u202e"'
    assert both(code, "conv1").endswith(f'self.conv1 = "{REPLACEMENT}"')


def test_code_made_to_be_slow_to_search_is_not():
    code = "class BasicBlock" + " " * 100_000 + "\n    def f(self):\n        " + "self.conv1; " * 100_000
    start = time.perf_counter()
    assert find_in_slice(Slice((SlicedCell("cell 1", code, (0,)),), (), ()), "BasicBlock", "conv1") == ""
    assert time.perf_counter() - start < 1


def test_a_long_line_is_cut(both):
    line = 'self.conv1 = "' + "x" * 1000 + '"'
    found = both(f"class BasicBlock:\n    def __init__(self):\n        {line}", "conv1")
    assert found.splitlines()[1].strip() == line[:LONGEST_LINE]


def test_the_report_of_confined_code_shows_it(tmp_path):
    wrong = CONV1.replace(", bias=False", "")
    path = tmp_path / "wrong.py"
    path.write_text(solved_source().replace(CONV1, wrong, 1))
    with Grader() as grader:
        grade = grader.grade(path, only=["q1"])
    shown = {test.message.where for test in grade.tests if test.outcome == "failed"}
    assert any(re.search(rf"wrong.py, line \d+\n +{re.escape(wrong)}", where) for where in shown), shown
