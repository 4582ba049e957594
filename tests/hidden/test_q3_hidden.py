"""Question 3 against the reference: a network of probe blocks must compute what the oracle computes."""

import pytest
import torch
from torch import Tensor, nn

from autograder.oracle import judge_network
from autograder.oracle.small_images import CIFAR10, SMALL, TINY, image_size, takes_small_images
from autograder.student.errors import NOT_ABOUT_THE_CODE
from autograder.student.message import CheckFailure
from autograder.student.probe import calls_of
from autograder.student.signature import accepts_classes, expansion_of
from autograder.suite import expect
from autograder.suite.any_batch import assert_same_on_any_batch, batches
from autograder.suite.blocks import PLANES, layout
from autograder.suite.own_network import (
    NUM_BLOCKS,
    SHAPES,
    SIDES,
    WRITTEN,
    assert_fit_for_a_network,
    assert_own_blocks_learn,
    look_at_own_network,
)

pytestmark = pytest.mark.question("q3")

NETWORKS = [
    (1, [1, 1, 1, 1], 10),
    (3, [1, 2, 1, 1], 7),
]  # (expansion, num_blocks, num_classes)


@pytest.mark.points(3)
@pytest.mark.forward
@pytest.mark.parametrize(("expansion", "num_blocks", "num_classes"), NETWORKS)
def test_forward(student, expansion, num_blocks, num_classes):
    """Forward pass: stem, stages, average pooling and head compute what they should, in eval mode."""
    judge_network(student, expansion, num_blocks, classes(student, num_classes), aspect="eval").require()


def classes(student, number: int) -> int:
    """The number of classes to judge; 10 where `ResNet` has no such parameter, which another check charges."""
    return number if accepts_classes(student.parameters("ResNet")) else 10


@pytest.mark.points(1)
@pytest.mark.forward
def test_any_batch(student):
    """Any batch: ResNet computes the same function of every batch, and leaves BatchNorm in its blocks as it is."""
    net = student.ResNet(student.probe(1, norm=True), (1, 1, 1, 1))
    if takes_small_images(student):
        given = batches(3, *SMALL)
        del given["16 images"]
        given["24 images of 8x8 pixels"] = torch.randn(24, 3, *TINY)
        given["2 images of 32x32 pixels"] = torch.randn(2, 3, *CIFAR10)
    else:
        given = batches(3, *CIFAR10)
        given["20 images"] = torch.cat([given.pop("16 images"), torch.randn(4, 3, *CIFAR10)])
    assert_same_on_any_batch(
        net,
        Reference(),
        given,
        "ResNet(block, [1, 1, 1, 1])",
        lambda: judge_network(student, 1, [1, 1, 1, 1], 10, aspect="train").require(),
    )


class Reference(nn.Module):
    """A network of four probe blocks with BatchNorm."""

    def __init__(self):
        super().__init__()
        stem = nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()
        probes, in_planes = [], 64
        for planes in PLANES:
            stride = 1 if planes == 64 else 2
            probes += [nn.Conv2d(in_planes, planes, 1, stride, bias=False), nn.BatchNorm2d(planes), nn.ReLU()]
            in_planes = planes
        self.layers = nn.Sequential(*stem, *probes, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, 32, 32) -> (N, 10)."""
        return self.layers(x)


@pytest.mark.points(2)
def test_train_mode(student):
    """Train mode: the stem's BatchNorm normalises with the batch and updates its running statistics."""
    judge_network(student, 2, [2, 1, 1, 1], classes(student, 7), aspect="train").require()
    assert_leaves_blocks(student)


def assert_leaves_blocks(student):
    """A network of the student's own blocks, if these are right, computes what the reference does of such blocks."""
    look = look_at_own_network(student)
    if look.agrees or not look.built:
        return
    try:
        net = student.ResNet(student.BasicBlock, NUM_BLOCKS)
        assert_same_on_any_batch(net, OfBlocks(), some_batches(3, 32), WRITTEN, lambda: None)
    except NOT_ABOUT_THE_CODE:
        raise
    except Exception as error:
        if blocks_are_right(student) and probes_are_right(student):
            got = error.message.got if isinstance(error, CheckFailure) else f"it raises: {error}"
            expect.fail(
                f"ResNet leaves its blocks as they are: with the same weights, {WRITTEN} computes in train mode, and "
                "then in eval mode, what its blocks compute when they are built by themselves",
                got,
                "does ResNet set attributes of the layers in its blocks, such as padding_mode, eps or momentum?",
            )


def some_batches(channels: int, side: int) -> dict[str, Tensor]:
    """Some batches of images; what a block gets is not negative."""
    given = {"5 images": 5, "4 images": 4, "2 images": 2, "one image": 1}
    drawn = {name: torch.randn(images, channels, side, side) for name, images in given.items()}
    return drawn if channels == 3 else {name: x.relu() for name, x in drawn.items()}


def blocks_are_right(student) -> bool:
    """Whether the student's blocks, built by themselves, compute the right function of what they get in a network."""
    for (in_planes, planes, stride), side in zip(SHAPES, SIDES, strict=True):
        try:
            assert_fit_for_a_network(student)
            block, reference = student.BasicBlock(in_planes, planes, stride), Block(in_planes, planes, stride)
            assert_same_on_any_batch(block, reference, some_batches(in_planes, side), "", lambda: None)
        except NOT_ABOUT_THE_CODE:
            raise
        except Exception:
            return False
    return True


def probes_are_right(student) -> bool:
    """Whether a network of probes computes the right function; if not, other checks say why."""
    net = student.ResNet(student.probe(1, norm=True), NUM_BLOCKS)
    try:
        assert_same_on_any_batch(net, Reference(), some_batches(3, 32), "", lambda: None)
    except NOT_ABOUT_THE_CODE:
        raise
    except Exception:
        return False
    return True


class Block(nn.Module):
    """A basic block."""

    def __init__(self, in_planes: int, planes: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(in_planes, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.shortcut = nn.Sequential()
        if stride != 1 or in_planes != planes:
            self.shortcut.extend([nn.Conv2d(in_planes, planes, 1, stride, bias=False), nn.BatchNorm2d(planes)])

    def forward(self, x: Tensor) -> Tensor:
        """(N, in_planes, H, W) -> (N, planes, H / stride, W / stride)."""
        out = self.bn1(self.conv1(x)).relu()
        return (self.bn2(self.conv2(out)) + self.shortcut(x)).relu()


class OfBlocks(nn.Sequential):
    """A network of four basic blocks."""

    def __init__(self):
        stem = nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()
        blocks = (Block(*shape) for shape in SHAPES)
        super().__init__(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))


@pytest.mark.points(2)
def test_gradients(student):
    """Gradients: those of the images and of every parameter of the network are right."""
    judge_network(student, 1, [1, 1, 3, 2], 10, aspect="gradient").require()
    assert_own_blocks_learn(student)
    net = student.ResNet(student.probe(1, norm=True), (1, 1, 1, 1))
    x = torch.randn(24, 3, *TINY) if takes_small_images(student) else torch.randn(2, 3, *CIFAR10)
    expect.assert_every_parameter_learns(net, x, "a network of blocks with BatchNorm")


# (name, num_blocks, expansion, parameters of the network); He et al. 2015, table 1, with the 3x3 stem of section 4.2
# and ten classes.
DEPTHS = [("BasicBlock", [2, 2, 2, 2], 1, 11_173_962), ("Bottleneck", [3, 4, 6, 3], 4, 23_520_842)]


@pytest.mark.points(2)
@pytest.mark.parametrize(("name", "num_blocks", "expansion", "expected"), DEPTHS, ids=["18", "50"])
def test_depth(student, name, num_blocks, expansion, expected):
    """Depth: ResNet-18 and ResNet-50 have as many blocks and parameters as in the paper's table, in the CIFAR form."""
    probe = student.probe(1)
    network = student.ResNet(probe, [*num_blocks])
    depth, built, foreign_call = sum(num_blocks), len(calls_of(probe, layout(1, num_blocks))), probe.foreign_call
    if built != depth:
        statement = f"ResNet(block, {num_blocks}) builds {depth} blocks"
        expect.fail(statement, f"{built}", "num_blocks[i] is the number of blocks in stage i + 1")
    if depth > 8:  # test_resnet18 does the same for the shallower one
        x = torch.randn(2, 3, *image_size(student))
        expect.assert_every_parameter_learns(network, x, f"a network of {depth} probe blocks")
    if foreign_call:  # charged in test_stages
        return
    try:
        net = student.skeleton("ResNet", getattr(student, name), [*num_blocks])
        what = f"ResNet({name}, {num_blocks})"
        expect.assert_parameter_count(net, expected, what, "each stage has as many blocks as num_blocks says")
    except NOT_ABOUT_THE_CODE:
        raise
    except Exception:
        if right_blocks(student, name, expansion, layout(expansion, num_blocks)):
            raise


def right_blocks(student, name, expansion, calls):
    """Whether the student's own blocks of a network have the right expansion and parameters of their own, and as many.

    If not, their question charges that.
    """
    try:
        for call in {*calls, (64 * expansion, 64)}:  # stride=1 is the default
            if expect.count_parameters(student.skeleton(name, *call)) != parameters_of_block(expansion, *call):
                return False
        one, other = (getattr(student, name)(8, 8, 1) for _ in range(2))
        expect.assert_shares_nothing(one, other, "every block has layers of its own", "")
        return expansion_of(getattr(student, name)) == expansion
    except NOT_ABOUT_THE_CODE:
        raise
    except Exception:  # the question of that block reports what is wrong
        return False


def parameters_of_block(expansion: int, in_planes: int, planes: int, stride: int = 1) -> int:
    """How many parameters a BasicBlock (expansion 1) or a Bottleneck (4) has."""
    out = expansion * planes
    if expansion == 1:
        residual = 9 * in_planes * planes + 9 * planes * planes + 4 * planes
    else:
        residual = in_planes * planes + 9 * planes * planes + planes * out + 4 * planes + 2 * out
    return residual + (in_planes * out + 2 * out if stride != 1 or in_planes != out else 0)
