"""Question 1: the basic residual block, H(x) = relu(F(x) + shortcut(x))."""

import pytest
import torch
import torch.nn.functional as F

from autograder.oracle import is_right, judge_block
from autograder.student.state import outline_of
from autograder.suite import expect
from autograder.suite.start import assert_learns_from_start

pytestmark = pytest.mark.question("q1")

# (in_planes, planes, stride): the identity shortcut, and each reason for a projection.
SHAPES = [(8, 8, 1), (8, 16, 1), (8, 8, 2), (8, 16, 2), (64, 64, 1), (64, 128, 2)]
PROJECTIONS = [(8, 16, 1), (8, 8, 2), (8, 16, 2)]
COUNTS = [(64, 64, 1, 73_984), (64, 128, 2, 230_144), (64, 64, 2, 78_208)]


def name(in_planes: int, planes: int, stride: int = 1) -> str:
    """The block as the student would write it."""
    return f"BasicBlock({in_planes}, {planes}{f', stride={stride}' if stride != 1 else ''})"


@pytest.mark.points(1)
@pytest.mark.parametrize(("in_planes", "planes", "stride"), SHAPES)
def test_output_shape(student, in_planes, planes, stride):
    """Output shape: (N, in_planes, H, W) becomes (N, planes, H / stride, W / stride)."""
    if is_right(student, "BasicBlock", in_planes, planes, stride):
        return
    block = expect.in_eval_mode(student.BasicBlock(in_planes, planes, stride))
    expect.assert_shape(
        block(torch.randn(2, in_planes, 16, 12)),
        (2, planes, 16 // stride, 12 // stride),
        f"{name(in_planes, planes, stride)} turns (2, {in_planes}, 16, 12) into "
        f"(2, {planes}, {16 // stride}, {12 // stride})",
        "padding=1 keeps H and W in a 3x3 convolution; the stride belongs to one convolution of the two",
    )


@pytest.mark.points(2)
@pytest.mark.parametrize("planes", [8, 64])
def test_identity_shortcut(student, planes):
    """Identity shortcut: with F(x) = 0 the block returns relu(x)."""
    block = expect.silence_convolutions(expect.in_eval_mode(student.BasicBlock(planes, planes)))
    x = torch.randn(2, planes, 8, 8)
    expected = x.relu()
    expect.assert_same(
        block(x),
        expected,
        f"with every convolution of {name(planes, planes)} set to zero, F(x) is 0 and the block returns relu(x)",
        "is x itself added when shape and stride do not change?",
    )


@pytest.mark.points(2)
@pytest.mark.parametrize(("in_planes", "planes", "stride"), PROJECTIONS)
def test_projection_shortcut(student, in_planes, planes, stride):
    """Projection shortcut: where the shape changes, x passes a 1x1 convolution and a BatchNorm."""
    if is_right(student, "BasicBlock", in_planes, planes, stride):
        return
    block = expect.silence_convolutions(expect.in_eval_mode(student.BasicBlock(in_planes, planes, stride)), kernel=3)
    projection = torch.randn(planes, in_planes, 1, 1)
    flat = (planes, in_planes)
    found = [n for n, value in outline_of(block).items() if tuple(value.shape) in (flat, (*flat, 1, 1))]
    if not found:
        expect.fail(
            f"{name(in_planes, planes, stride)} changes the shape, so its shortcut is a 1x1 convolution with a "
            f"weight of shape ({planes}, {in_planes}, 1, 1)",
            "no such weight among its parameters",
            "the shortcut needs the convolution when the stride is not 1 or the channels change",
        )
    expect.set_state(block, lambda n, value: projection.reshape(value.shape) if n in found else value)
    expect.shift_batchnorms(block, 0.25)
    x = torch.randn(2, in_planes, 8, 8)
    expected = (F.conv2d(x, projection, stride=stride) + 0.5).relu()
    expect.assert_same(
        block(x),
        expected,
        f"with both 3x3 convolutions of {name(in_planes, planes, stride)} set to zero and every BatchNorm bias to "
        "0.25, the block returns relu(0.25 + conv1x1(x) + 0.25): the last BatchNorm and the shortcut's own",
        "does the shortcut carry the stride, and a BatchNorm after its convolution? Is it added before the ReLU?",
    )


@pytest.mark.points(2)
@pytest.mark.parametrize("sign", [1.0, -1.0], ids=["plus", "minus"])
def test_relu_between_convolutions(student, sign):
    """ReLU between the convolutions: F(x) = bn(conv(relu(bn(conv(x)))))."""
    planes = 8
    if is_right(student, "BasicBlock", planes, planes):
        return
    block = expect.neutral_batchnorms(expect.in_eval_mode(student.BasicBlock(planes, planes)))
    mirror = torch.zeros(planes, planes, 3, 3)
    mirror[range(planes), range(planes), 1, 1] = sign
    expect.set_weights(block, [mirror])
    x = torch.randn(2, planes, 8, 8)
    word = "x" if sign > 0 else "-x"
    expected = (x + sign * (sign * x).relu()).relu()
    expect.assert_same(
        block(x),
        expected,
        f"with both convolutions of {name(planes, planes)} set to return {word} of what they get, the block returns "
        f"relu(x {'+' if sign > 0 else '-'} relu({word}))",
        "a ReLU follows the first BatchNorm; the second BatchNorm has none before the addition",
    )


@pytest.mark.points(2)
@pytest.mark.parametrize("shift", [-0.5, 0.5])
def test_relu_after_addition(student, shift):
    """ReLU last: the shortcut is added first, then the sum goes through the ReLU."""
    planes = 8
    if is_right(student, "BasicBlock", planes, planes):
        return
    block = expect.silence_convolutions(expect.in_eval_mode(student.BasicBlock(planes, planes)))
    expect.shift_batchnorms(block, shift)
    x = torch.randn(2, planes, 8, 8)
    expected = (x + shift).relu()
    expect.assert_same(
        block(x),
        expected,
        f"with the convolutions of {name(planes, planes)} set to zero and every BatchNorm bias to {shift}, F(x) is "
        f"{shift} and the block returns relu(x {'+' if shift > 0 else '-'} {abs(shift)})",
        "in which order do the addition and the last ReLU come?",
    )


@pytest.mark.points(2)
@pytest.mark.parametrize(("in_planes", "planes", "stride", "expected"), COUNTS)
def test_parameter_count(student, in_planes, planes, stride, expected):
    """Parameters: the right number, of this block alone; every one of them learns, and `expansion` says the width."""
    expect.assert_expansion(student.BasicBlock, 1, "BasicBlock")
    what = name(in_planes, planes, stride)
    hint = "convolutions have no bias; the shortcut has parameters only where the shape changes"
    learns = is_right(student, "BasicBlock", in_planes, planes, stride, mode="train")
    block, another = (student.BasicBlock(in_planes, planes, stride) for _ in range(2))
    if not learns:
        expect.assert_parameter_count(block, expected, what, hint)
    statement = f"every call of {what} builds a block with layers of its own"
    expect.assert_shares_nothing(another, block, statement, "are the layers built outside of __init__?")
    x = torch.randn(2, in_planes, 4, 4)
    if not learns:
        expect.assert_every_parameter_learns(another, x, what)
    if (in_planes, planes, stride, expected) == COUNTS[0]:
        assert_learns_from_start(student, block, x, what)


@pytest.mark.points(1)
def test_batchnorm_modes(student):
    """BatchNorm: learns statistics in train mode, uses them in eval mode."""
    block = student.BasicBlock(8, 16, 2)
    if not all(is_right(student, "BasicBlock", 8, 16, 2, mode=mode) for mode in ("eval", "train")):
        expect.assert_batchnorm_modes(block, torch.randn(4, 8, 8, 8) * 2 + 1, name(8, 16, 2))
    judge_block(student, "BasicBlock", 8, 12, 2, aspect="train").require()
    expect.assert_modes_return_module(block, "BasicBlock")


@pytest.mark.points(1)
def test_gradient_through_shortcut(student):
    """Gradient highway: with F silent, the gradient still reaches the input."""
    block = expect.silence_convolutions(student.BasicBlock(8, 8))
    x = torch.randn(2, 8, 8, 8, requires_grad=True)
    expect.assert_gradient(block, x, (x.detach() > 0).float(), name(8, 8))


@pytest.mark.points(1)
@pytest.mark.parametrize(("in_planes", "planes", "stride"), [(8, 8, 1), (8, 16, 2)])
def test_input_unchanged(student, in_planes, planes, stride):
    """Input: the block leaves the tensor it was given as it was."""
    if is_right(student, "BasicBlock", in_planes, planes, stride):
        return
    block = expect.in_eval_mode(student.BasicBlock(in_planes, planes, stride))
    expect.assert_input_unchanged(block, torch.randn(2, in_planes, 8, 8), name(in_planes, planes, stride))


@pytest.mark.points(1)
@pytest.mark.forward
@pytest.mark.parametrize(("in_planes", "planes", "stride"), [(8, 8, 1), (8, 12, 2), (12, 8, 1)])
def test_whole_function(student, in_planes, planes, stride):
    """The whole function: with any weights, in eval mode, the block computes relu(F(x) + shortcut(x))."""
    judge_block(student, "BasicBlock", in_planes, planes, stride, aspect="eval").require()
