"""Question 3 against the reference: a network of probe blocks must compute what the oracle computes."""

import pytest

from autograder.oracle import judge_network
from autograder.suite import expect

pytestmark = pytest.mark.question("q3")

NETWORKS = [
    (1, [1, 1, 1, 1], 10),
    (4, [1, 2, 1, 1], 7),
    (2, [2, 1, 1, 3], 10),
]  # (expansion, num_blocks, num_classes)
SMALLER = [(1, [1, 3, 1, 2], 10), (2, [2, 1, 1, 1], 7)]


@pytest.mark.points(4)
@pytest.mark.parametrize(("expansion", "num_blocks", "num_classes"), NETWORKS)
def test_forward(student, expansion, num_blocks, num_classes):
    """Forward pass: stem, stages, average pooling and head compute what they should, in eval mode."""
    judge_network(student, expansion, num_blocks, num_classes, aspect="eval").require()


@pytest.mark.points(2)
@pytest.mark.parametrize(("expansion", "num_blocks", "num_classes"), SMALLER)
def test_train_mode(student, expansion, num_blocks, num_classes):
    """Train mode: the stem's BatchNorm normalises with the batch and updates its running statistics."""
    judge_network(student, expansion, num_blocks, num_classes, aspect="train").require()


@pytest.mark.points(2)
@pytest.mark.parametrize(("expansion", "num_blocks", "num_classes"), SMALLER)
def test_gradients(student, expansion, num_blocks, num_classes):
    """Gradients: those of the images and of every parameter of the network are right."""
    judge_network(student, expansion, num_blocks, num_classes, aspect="gradient").require()


# (name, num_blocks, expansion, parameters of the network, {block: its parameters}); the design of He et al. 2015, with
# the 3x3 stem of section 4.2 and ten classes. Small ones: how many blocks there are is asked with probes.
OWN_BLOCKS = [
    ("BasicBlock", [1, 1, 1, 1], 1, 4_903_242, {(64, 64, 1): 73_984, (64, 128, 2): 230_144}),
    ("Bottleneck", [1, 2, 1, 1], 4, 8_308_810, {(64, 64, 1): 75_008, (256, 128, 2): 379_392}),
]


@pytest.mark.points(2)
@pytest.mark.parametrize(("name", "num_blocks", "expansion", "expected", "blocks"), OWN_BLOCKS, ids=["basic", "bottle"])
def test_depth(student, name, num_blocks, expansion, expected, blocks):
    """Depth: 3, 4, 6 and 3 blocks make a network of 50 layers; with your own blocks the parameters add up."""
    probe = student.probe(1)
    student.ResNet(probe, [3, 4, 6, 3])
    if len(probe.calls) != 16:
        expect.fail(
            "ResNet(block, [3, 4, 6, 3]) builds 16 blocks", f"{len(probe.calls)}", "num_blocks gives the counts"
        )
    if right_blocks(student, name, expansion, blocks):  # else that is charged in its own question
        net = student.ResNet(getattr(student, name), num_blocks)
        what = f"ResNet({name}, {num_blocks})"
        expect.assert_parameter_count(net, expected, what, "each stage has as many blocks as num_blocks says")


def right_blocks(student, name, expansion, blocks):
    """Whether the student's own block has the right expansion, and the right number of parameters at these shapes."""
    try:
        block = getattr(student, name)
        made = {shape: expect.count_parameters(block(*shape)) for shape in blocks}
        return made == blocks and block.expansion == expansion
    except Exception:  # whatever is wrong is said in its own question
        return False
