"""Question 1 against the reference: the student's block, with fresh weights, must compute what the oracle computes."""

import pytest
import torch
from torch import Tensor, nn

from autograder.oracle import judge_block
from autograder.student.errors import StudentCrash, StudentTimeout
from autograder.student.local import NotDefined
from autograder.suite.any_batch import assert_same_on_any_batch, batches
from autograder.suite.own_network import SHAPES as SHAPES_IN_NETWORK
from autograder.suite.own_network import SIDES, look_at_own_network

pytestmark = pytest.mark.question("q1")

SHAPES = [(8, 8, 1), (6, 10, 1), (10, 6, 1), (8, 8, 2), (6, 10, 2)]  # (in_planes, planes, stride)
WIDE = (128, 256, 2)
"""One as wide as in a network, which a block may treat in another way than narrow ones. The others of a network are
looked at in one, see `assert_right_in_a_network`."""


@pytest.mark.points(3)
@pytest.mark.forward
@pytest.mark.parametrize(("in_planes", "planes", "stride"), [*SHAPES, WIDE])
def test_forward(student, in_planes, planes, stride):
    """Forward pass: with any weights, in eval mode, BasicBlock computes relu(F(x) + shortcut(x))."""
    judge_block(student, "BasicBlock", in_planes, planes, stride, aspect="eval").require()


@pytest.mark.points(1)
@pytest.mark.forward
@pytest.mark.parametrize(("in_planes", "planes", "stride"), [(8, 8, 1), (6, 10, 2)])
def test_any_batch(student, in_planes, planes, stride):
    """Any batch: BasicBlock computes the same function of every batch, whatever its size and its values."""
    given = batches(in_planes, 8, 6)
    given["128 images of 4x2 pixels"] = torch.randn(128, in_planes, 4, 2)  # the stride divides both sides
    given["an image of 32x32 pixels"] = torch.randn(1, in_planes, 32, 32)
    if stride == 1:
        given["2 images of odd height and width"] = torch.randn(2, in_planes, 7, 5)
    assert_same_on_any_batch(
        student.BasicBlock(in_planes, planes, stride),
        Reference(in_planes, planes, stride),
        given,
        f"BasicBlock({in_planes}, {planes}, stride={stride})",
        lambda: judge_block(student, "BasicBlock", in_planes, planes, stride, aspect="train").require(),
    )
    if stride == 2:  # a block without a projection has shown it
        assert_right_in_a_network(student)


def assert_right_in_a_network(student):
    """The blocks of a network compute the right function of what they get there, several images at once.

    They are looked at by themselves only where a network of them computes something else than the reference.
    """
    try:
        if look_at_own_network(student).agrees:
            return
    except (NotDefined, StudentCrash, StudentTimeout):  # this is about ResNet
        pass
    for block, side in zip(SHAPES_IN_NETWORK, SIDES, strict=True):
        in_planes, planes, stride = block
        five = torch.randn(5, in_planes, side, side).relu()
        assert_same_on_any_batch(
            student.BasicBlock(in_planes, planes, stride),
            Reference(in_planes, planes, stride),
            {f"5 images of {side}x{side} pixels": five, "one image": five[:1]},
            f"BasicBlock({in_planes}, {planes}, stride={stride})",
            lambda block=block: judge_block(student, "BasicBlock", *block, aspect="eval").require(),
        )


class Reference(nn.Module):
    """relu(bn(conv3x3(relu(bn(conv3x3(x))))) + shortcut(x))."""

    def __init__(self, in_planes: int, planes: int, stride: int):
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv2d(in_planes, planes, 3, stride, 1, bias=False),
            nn.BatchNorm2d(planes),
            nn.ReLU(),
            nn.Conv2d(planes, planes, 3, 1, 1, bias=False),
            nn.BatchNorm2d(planes),
        )
        self.shortcut = nn.Sequential()
        if stride != 1 or in_planes != planes:
            self.shortcut.extend([nn.Conv2d(in_planes, planes, 1, stride, bias=False), nn.BatchNorm2d(planes)])

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_planes, H, W) -> (N, planes, H / stride, W / stride)."""
        return (self.residual(x) + self.shortcut(x)).relu()


@pytest.mark.points(3)
@pytest.mark.parametrize(("in_planes", "planes", "stride"), [*SHAPES, WIDE])
def test_train_mode(student, in_planes, planes, stride):
    """Train mode: BasicBlock normalises with the batch and updates its running statistics."""
    judge_block(student, "BasicBlock", in_planes, planes, stride, aspect="train").require()


@pytest.mark.points(3)
@pytest.mark.parametrize(("in_planes", "planes", "stride"), [*SHAPES, WIDE])
def test_gradients(student, in_planes, planes, stride):
    """Gradients: those of the input and of every parameter of BasicBlock are right."""
    judge_block(student, "BasicBlock", in_planes, planes, stride, aspect="gradient").require()
