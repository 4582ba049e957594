"""Question 2 against the reference: the student's block, with fresh weights, must compute what the oracle computes."""

import pytest
import torch
from torch import Tensor, nn

from autograder.oracle import judge_block
from autograder.suite.any_batch import assert_same_on_any_batch, batches

pytestmark = pytest.mark.question("q2")

SHAPES = [(32, 8, 1), (8, 8, 1), (24, 6, 2), (10, 6, 2)]  # (in_planes, planes, stride)
WIDE = (512, 128, 2)
"""One as wide as in a network, which a block may treat in another way than narrow ones."""


@pytest.mark.points(3)
@pytest.mark.forward
@pytest.mark.parametrize(("in_planes", "planes", "stride"), [*SHAPES, WIDE])
def test_forward(student, in_planes, planes, stride):
    """Forward pass: with any weights, in eval mode, Bottleneck computes relu(F(x) + shortcut(x))."""
    judge_block(student, "Bottleneck", in_planes, planes, stride, aspect="eval").require()


@pytest.mark.points(1)
@pytest.mark.forward
@pytest.mark.parametrize(("in_planes", "planes", "stride"), [(32, 8, 1), (64, 6, 2)])
def test_any_batch(student, in_planes, planes, stride):
    """Any batch: Bottleneck computes the same function of every batch, whatever its size and its values."""
    given = batches(in_planes, 8, 6)
    given["128 images of 4x2 pixels"] = torch.randn(128, in_planes, 4, 2)  # the stride divides both sides
    given["an image of 32x32 pixels"] = torch.randn(1, in_planes, 32, 32)
    if stride == 1:
        given["2 images of odd height and width"] = torch.randn(2, in_planes, 7, 5)
    assert_same_on_any_batch(
        student.Bottleneck(in_planes, planes, stride),
        Reference(in_planes, planes, stride),
        given,
        f"Bottleneck({in_planes}, {planes}, stride={stride})",
        lambda: judge_block(student, "Bottleneck", in_planes, planes, stride, aspect="train").require(),
    )


class Reference(nn.Module):
    """relu(bn(conv1x1(relu(bn(conv3x3(relu(bn(conv1x1(x)))))))) + shortcut(x))."""

    def __init__(self, in_planes: int, planes: int, stride: int):
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv2d(in_planes, planes, 1, bias=False),
            nn.BatchNorm2d(planes),
            nn.ReLU(),
            nn.Conv2d(planes, planes, 3, stride, 1, bias=False),
            nn.BatchNorm2d(planes),
            nn.ReLU(),
            nn.Conv2d(planes, 4 * planes, 1, bias=False),
            nn.BatchNorm2d(4 * planes),
        )
        self.shortcut = nn.Sequential()
        if stride != 1 or in_planes != 4 * planes:
            self.shortcut.extend([nn.Conv2d(in_planes, 4 * planes, 1, stride, bias=False), nn.BatchNorm2d(4 * planes)])

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_planes, H, W) -> (N, 4 * planes, H / stride, W / stride)."""
        return (self.residual(x) + self.shortcut(x)).relu()


@pytest.mark.points(3)
@pytest.mark.parametrize(("in_planes", "planes", "stride"), [*SHAPES, WIDE])
def test_train_mode(student, in_planes, planes, stride):
    """Train mode: Bottleneck normalises with the batch and updates its running statistics."""
    judge_block(student, "Bottleneck", in_planes, planes, stride, aspect="train").require()


@pytest.mark.points(3)
@pytest.mark.parametrize(("in_planes", "planes", "stride"), [*SHAPES, WIDE])
def test_gradients(student, in_planes, planes, stride):
    """Gradients: those of the input and of every parameter of Bottleneck are right."""
    judge_block(student, "Bottleneck", in_planes, planes, stride, aspect="gradient").require()
