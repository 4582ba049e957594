"""Question 1 against the reference: the student's block, with fresh weights, must compute what the oracle computes."""

import pytest

from autograder.oracle import judge_block

pytestmark = pytest.mark.question("q1")

SHAPES = [(8, 8, 1), (6, 10, 1), (10, 6, 1), (8, 8, 2), (6, 10, 2)]  # (in_planes, planes, stride)


@pytest.mark.points(4)
@pytest.mark.parametrize(("in_planes", "planes", "stride"), SHAPES)
def test_forward(student, in_planes, planes, stride):
    """Forward pass: with any weights, in eval mode, BasicBlock computes relu(F(x) + shortcut(x))."""
    judge_block(student, "BasicBlock", in_planes, planes, stride, aspect="eval").require()


@pytest.mark.points(3)
@pytest.mark.parametrize(("in_planes", "planes", "stride"), SHAPES)
def test_train_mode(student, in_planes, planes, stride):
    """Train mode: BasicBlock normalises with the batch and updates its running statistics."""
    judge_block(student, "BasicBlock", in_planes, planes, stride, aspect="train").require()


@pytest.mark.points(3)
@pytest.mark.parametrize(("in_planes", "planes", "stride"), SHAPES)
def test_gradients(student, in_planes, planes, stride):
    """Gradients: those of the input and of every parameter of BasicBlock are right."""
    judge_block(student, "BasicBlock", in_planes, planes, stride, aspect="gradient").require()
