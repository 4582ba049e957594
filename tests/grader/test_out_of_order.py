"""A statement that needs one further down waits for it; a lower cell of a notebook can have been run first."""

import pytest

from autograder.submission import Cell, Submission, execute, slice_submission

CLASS = "class BasicBlock(nn.Module):\n    width = WIDTH"


def run(*sources: str) -> tuple[dict, list[str]]:
    """The names after executing these cells, and what is said about them."""
    cells = [Cell(f"cell {number}", source) for number, source in enumerate(sources, start=1)]
    namespace = {}
    return namespace, execute(slice_submission(Submission("homework.ipynb", tuple(cells)), ("BasicBlock",)), namespace)


@pytest.mark.parametrize(
    "cells",
    [
        [CLASS, "import torch\nfrom torch import nn\nWIDTH = 64"],
        [CLASS, "WIDTH = 64", "import torch.nn as nn"],
        [CLASS, "WIDTH = len(nn.__name__) * 0 + 64", "from torch import nn"],  # one waits for another
        [CLASS, "from torch import nn", "from torch import nn", "WIDTH = 64"],  # one import, twice
        [CLASS, "if True:\n    from torch import nn\n    WIDTH = 64"],
        ["class BasicBlock(Base):\n    width = 64", "import torch\nclass Base(torch.nn.Module): pass"],
        ["BasicBlock.width = 64", "from torch import nn\nclass BasicBlock(nn.Module): pass"],
        ["%%writefile blocks.py\n" + CLASS + "\nfrom torch import nn\nWIDTH = 64", "from blocks import BasicBlock"],
    ],
)
def test_what_is_needed_is_executed_first(cells):
    namespace, errors = run(*cells)
    assert namespace["BasicBlock"].width == 64
    assert namespace["BasicBlock"]().training
    assert errors
    assert all("further down" in error for error in errors)


def test_the_note_says_what_to_move():
    _, errors = run("", CLASS, "class Bottleneck: pass", "import torch\nfrom torch import nn\nWIDTH = 64")
    assert len(errors) == 1, "one for each pair of cells"
    assert errors[0].startswith(
        "cell 2, line 1: `nn` is needed here, but gets its value further down, in cell 4, line 2"
    )


def test_each_statement_is_executed_once():
    namespace, _ = run("class BasicBlock:\n    widths = WIDTHS", "WIDTHS = [64]", "WIDTHS.append(128)")
    assert namespace["BasicBlock"].widths is namespace["WIDTHS"]
    assert namespace["WIDTHS"] == [64, 128]


def test_an_order_that_runs_is_left_alone():
    namespace, errors = run("N = 1", "class BasicBlock:\n    n = N", "N = 2")
    assert namespace["BasicBlock"].n == 1
    assert errors == []


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        (["class BasicBlock:\n    n = N", "N = 1", "N = 2"], "name 'N' is not defined"),  # which of them?
        (["class BasicBlock:\n    n = N", "N = 1 / 0"], "division by zero"),
        (["class BasicBlock:\n    n = N", "N = M", "M = N"], "is not defined"),  # each needs the other
        (["def f(): raise NameError(name='N')\nclass BasicBlock:\n    n = f()", "N = f"], "NameError"),
        (["def f(): raise NameError(name=[])\nclass BasicBlock:\n    n = f()"], "NameError"),
        (["def f(): globals().pop('ResNet', 0); raise NameError(name='ResNet')\nclass BasicBlock:\n    n = f()"], ""),
    ],
)
def test_what_cannot_be_provided_is_reported(cells, words):
    namespace, errors = run(*cells)
    assert "BasicBlock" not in namespace
    assert any(words in error for error in errors)


@pytest.mark.parametrize(
    "block",
    [
        "class BasicBlock:\n    def f(self, x: Tensor, *rest: List[int]) -> Tensor: return x",
        "class BasicBlock:\n    width: List[int] = 3\n    def f(self, x): return x",
        "class BasicBlock:\n    def f(self, x: torch.Tensor | torch.tensor): return x",  # no such union
        "class BasicBlock:\n    def f(self, x: torch.nn.Tensor): return x",  # no such attribute
        "class BasicBlock:\n    def f(self, x: LATER): return x\nLATER = int",
        "N = 3\nclass BasicBlock:\n    n = N\n    def f(self, x: N[0]): return x",  # a name that is used elsewhere
        "@dataclass\nclass BasicBlock:\n    width: Tensor = 3\n    def f(self, x): return x",
    ],
)
def test_annotations_cost_nothing(block):
    """Since Python 3.14 they are not evaluated."""
    namespace, errors = run("import torch\nfrom dataclasses import dataclass", block)
    assert errors == []
    assert namespace["BasicBlock"]().f(5) == 5


def test_what_is_evaluated_beside_an_annotation_counts():
    namespace, errors = run("class BasicBlock:\n    def f(self, x: Tensor = Tensor): return x")
    assert "BasicBlock" not in namespace
    assert "name 'Tensor' is not defined" in errors[0]
