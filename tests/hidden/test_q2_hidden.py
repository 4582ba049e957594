"""Question 2 against the reference: the student's block, with fresh weights, must compute what the oracle computes."""

import pytest

from autograder.oracle import judge_block

pytestmark = pytest.mark.question("q2")

SHAPES = [(32, 8, 1), (8, 8, 1), (24, 6, 2), (10, 6, 2)]  # (in_planes, planes, stride)


@pytest.mark.points(4)
@pytest.mark.parametrize(("in_planes", "planes", "stride"), SHAPES)
def test_forward(student, in_planes, planes, stride):
    """Forward pass: with any weights, in eval mode, Bottleneck computes relu(F(x) + shortcut(x))."""
    judge_block(student, "Bottleneck", in_planes, planes, stride, aspect="eval").require()


@pytest.mark.points(3)
@pytest.mark.parametrize(("in_planes", "planes", "stride"), SHAPES)
def test_train_mode(student, in_planes, planes, stride):
    """Train mode: Bottleneck normalises with the batch and updates its running statistics."""
    judge_block(student, "Bottleneck", in_planes, planes, stride, aspect="train").require()


@pytest.mark.points(3)
@pytest.mark.parametrize(("in_planes", "planes", "stride"), SHAPES)
def test_gradients(student, in_planes, planes, stride):
    """Gradients: those of the input and of every parameter of Bottleneck are right."""
    judge_block(student, "Bottleneck", in_planes, planes, stride, aspect="gradient").require()
