"""Question 2: the bottleneck block, 1x1 squeeze, 3x3 with the stride, 1x1 expand to 4 * planes."""

import pytest
import torch
import torch.nn.functional as F

from autograder.oracle import is_right, judge_block
from autograder.student.state import outline_of
from autograder.suite import expect
from autograder.suite.start import assert_learns_from_start

pytestmark = pytest.mark.question("q2")

# (in_planes, planes, stride): the identity shortcut (in_planes = 4 * planes), and each reason for a projection.
SHAPES = [(32, 8, 1), (8, 8, 1), (32, 8, 2), (16, 8, 2), (256, 64, 1), (256, 128, 2)]
PROJECTIONS = [(12, 8, 1), (32, 8, 2), (16, 8, 2)]
COUNTS = [(64, 64, 1, 75_008), (256, 64, 1, 70_400), (256, 128, 2, 379_392)]


def name(in_planes: int, planes: int, stride: int = 1) -> str:
    """The block as the student would write it."""
    return f"Bottleneck({in_planes}, {planes}{f', stride={stride}' if stride != 1 else ''})"


@pytest.mark.points(1)
@pytest.mark.parametrize(("in_planes", "planes", "stride"), SHAPES)
def test_output_shape(student, in_planes, planes, stride):
    """Output shape: (N, in_planes, H, W) becomes (N, 4 * planes, H / stride, W / stride)."""
    if is_right(student, "Bottleneck", in_planes, planes, stride):
        return
    block = expect.in_eval_mode(student.Bottleneck(in_planes, planes, stride))
    expect.assert_shape(
        block(torch.randn(2, in_planes, 16, 12)),
        (2, 4 * planes, 16 // stride, 12 // stride),
        f"{name(in_planes, planes, stride)} turns (2, {in_planes}, 16, 12) into "
        f"(2, {4 * planes}, {16 // stride}, {12 // stride})",
        "the last 1x1 convolution expands to expansion * planes channels, expansion = 4; only the 3x3 is padded",
    )


@pytest.mark.points(2)
@pytest.mark.parametrize("planes", [8, 64])
def test_identity_shortcut(student, planes):
    """Identity shortcut: with F(x) = 0 the block returns relu(x)."""
    block = expect.silence_convolutions(expect.in_eval_mode(student.Bottleneck(4 * planes, planes)))
    x = torch.randn(2, 4 * planes, 8, 8)
    expected = x.relu()
    expect.assert_same(
        block(x),
        expected,
        f"with every convolution of {name(4 * planes, planes)} set to zero, F(x) is 0 and the block returns relu(x)",
        "is x itself added when in_planes is already 4 * planes and the stride is 1?",
    )


@pytest.mark.points(2)
@pytest.mark.parametrize(("in_planes", "planes", "stride"), PROJECTIONS)
def test_projection_shortcut(student, in_planes, planes, stride):
    """Projection shortcut: where the shape changes, x passes a 1x1 convolution and a BatchNorm."""
    if is_right(student, "Bottleneck", in_planes, planes, stride):
        return
    block = expect.silence_convolutions(expect.in_eval_mode(student.Bottleneck(in_planes, planes, stride)))
    projection = torch.randn(4 * planes, in_planes, 1, 1)
    flat = (4 * planes, in_planes)
    found = [n for n, value in outline_of(block).items() if tuple(value.shape) in (flat, (*flat, 1, 1))]
    if not found:
        expect.fail(
            f"{name(in_planes, planes, stride)} changes the shape, so its shortcut is a 1x1 convolution with a "
            f"weight of shape ({4 * planes}, {in_planes}, 1, 1)",
            "no such weight among its parameters",
            "the shortcut must come out at expansion * planes channels, the stride included",
        )
    expect.set_state(block, lambda n, value: projection.reshape(value.shape) if n in found else value)
    expect.shift_batchnorms(block, 0.25)
    x = torch.randn(2, in_planes, 8, 8)
    expected = (F.conv2d(x, projection, stride=stride) + 0.5).relu()
    expect.assert_same(
        block(x),
        expected,
        f"with the three convolutions of F in {name(in_planes, planes, stride)} set to zero and every BatchNorm bias "
        "to 0.25, the block returns relu(0.25 + conv1x1(x) + 0.25): the last BatchNorm and the shortcut's own",
        "does the shortcut carry the stride, and a BatchNorm after its convolution? Is it added before the ReLU?",
    )


@pytest.mark.points(2)
@pytest.mark.parametrize("signs", [(1, 1), (-1, 1), (1, -1), (-1, -1)], ids=str)
def test_relus_between_convolutions(student, signs):
    """ReLU after the squeeze and after the 3x3: F(x) = bn(expand(relu(bn(conv(relu(bn(squeeze(x))))))))."""
    planes = 8
    if is_right(student, "Bottleneck", 4 * planes, planes):
        return
    block = expect.neutral_batchnorms(expect.in_eval_mode(student.Bottleneck(4 * planes, planes)))
    eye = torch.eye(planes)
    pass_first = torch.zeros(planes, 4 * planes, 1, 1)
    pass_first[:, :planes, 0, 0] = signs[0] * eye
    process = torch.zeros(planes, planes, 3, 3)
    process[:, :, 1, 1] = signs[1] * eye
    expand = torch.zeros(4 * planes, planes, 1, 1)
    expand[:planes, :, 0, 0] = eye
    expect.set_weights(block, [pass_first, process, expand])
    x = torch.randn(2, 4 * planes, 8, 8)
    expected = x.clone()
    expected[:, :planes] += (signs[1] * (signs[0] * x[:, :planes]).relu()).relu()
    expect.assert_same(
        block(x),
        expected.relu(),
        f"with the 1x1 squeeze of {name(4 * planes, planes)} set to return {signs[0]} * (its first {planes} channels) "
        f"and the 3x3 to return {signs[1]} * (what it gets), each BatchNorm but the last is followed by a ReLU",
        "two ReLUs inside F(x), none between the last BatchNorm and the addition",
    )


@pytest.mark.points(2)
@pytest.mark.parametrize("shift", [-0.5, 0.5])
def test_relu_after_addition(student, shift):
    """ReLU last: the shortcut is added first, then the sum goes through the ReLU."""
    planes = 8
    if is_right(student, "Bottleneck", 4 * planes, planes):
        return
    block = expect.silence_convolutions(expect.in_eval_mode(student.Bottleneck(4 * planes, planes)))
    expect.shift_batchnorms(block, shift)
    x = torch.randn(2, 4 * planes, 8, 8)
    expected = (x + shift).relu()
    expect.assert_same(
        block(x),
        expected,
        f"with the convolutions of {name(4 * planes, planes)} set to zero and every BatchNorm bias to {shift}, F(x) "
        f"is {shift} and the block returns relu(x {'+' if shift > 0 else '-'} {abs(shift)})",
        "in which order do the addition and the last ReLU come?",
    )


@pytest.mark.points(2)
@pytest.mark.parametrize(("in_planes", "planes", "stride", "expected"), COUNTS)
def test_parameter_count(student, in_planes, planes, stride, expected):
    """Parameters: the right number, of this block alone; every one of them learns, and `expansion` says the width."""
    expect.assert_expansion(student.Bottleneck, 4, "Bottleneck")
    what = name(in_planes, planes, stride)
    hint = "convolutions have no bias; planes is the narrow width, 4 * planes the width that leaves the block"
    learns = is_right(student, "Bottleneck", in_planes, planes, stride, mode="train")
    block, another = (student.Bottleneck(in_planes, planes, stride) for _ in range(2))
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
    block = student.Bottleneck(16, 8, 2)
    if not all(is_right(student, "Bottleneck", 16, 8, 2, mode=mode) for mode in ("eval", "train")):
        expect.assert_batchnorm_modes(block, torch.randn(4, 16, 8, 8) * 2 + 1, name(16, 8, 2))
    judge_block(student, "Bottleneck", 8, 6, 2, aspect="train").require()
    expect.assert_modes_return_module(block, "Bottleneck")


@pytest.mark.points(1)
def test_gradient_through_shortcut(student):
    """Gradient highway: with F silent, the gradient still reaches the input."""
    block = expect.silence_convolutions(student.Bottleneck(32, 8))
    x = torch.randn(2, 32, 8, 8, requires_grad=True)
    expect.assert_gradient(block, x, (x.detach() > 0).float(), name(32, 8))


@pytest.mark.points(1)
@pytest.mark.parametrize(("in_planes", "planes", "stride"), [(32, 8, 1), (16, 8, 2)])
def test_input_unchanged(student, in_planes, planes, stride):
    """Input: the block leaves the tensor it was given as it was."""
    if is_right(student, "Bottleneck", in_planes, planes, stride):
        return
    block = expect.in_eval_mode(student.Bottleneck(in_planes, planes, stride))
    expect.assert_input_unchanged(block, torch.randn(2, in_planes, 8, 8), name(in_planes, planes, stride))


@pytest.mark.points(1)
@pytest.mark.forward
@pytest.mark.parametrize(("in_planes", "planes", "stride"), [(16, 4, 1), (8, 6, 2), (24, 4, 1)])
def test_whole_function(student, in_planes, planes, stride):
    """The whole function: with any weights, in eval mode, the block computes relu(F(x) + shortcut(x))."""
    judge_block(student, "Bottleneck", in_planes, planes, stride, aspect="eval").require()
