"""Question 3 against the reference: a network of probe blocks must compute what the oracle computes."""

import pytest
import torch

from autograder.oracle import judge_network
from autograder.suite import expect

pytestmark = pytest.mark.question("q3")

NETWORKS = [
    (1, [1, 1, 1, 1], 10),
    (3, [1, 2, 1, 1], 7),
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


# (name, num_blocks, expansion, parameters of the network, {block: its parameters}); He et al. 2015, table 1, with the
# 3x3 stem of section 4.2 and ten classes.
DEPTHS = [
    ("BasicBlock", [2, 2, 2, 2], 1, 11_173_962, {(64, 64, 1): 73_984, (64, 128, 2): 230_144}),
    (
        *("Bottleneck", [3, 4, 6, 3], 4, 23_520_842),
        {(64, 64, 1): 75_008, (256, 64, 1): 70_400, (256, 128, 2): 379_392},
    ),
]


@pytest.mark.points(2)
@pytest.mark.parametrize(("name", "num_blocks", "expansion", "expected", "blocks"), DEPTHS, ids=["18", "50"])
def test_depth(student, name, num_blocks, expansion, expected, blocks):
    """Depth: ResNet-18 and ResNet-50 have as many blocks and parameters as in the paper's table, in the CIFAR form."""
    probe = student.probe(1)
    network = student.ResNet(probe, [*num_blocks])
    depth = sum(num_blocks)
    if len(probe.calls) != depth:
        statement = f"ResNet(block, {num_blocks}) builds {depth} blocks"
        expect.fail(statement, f"{len(probe.calls)}", "num_blocks[i] is the number of blocks in stage i + 1")
    if depth > 8:  # test_resnet18 does the same for the shallower one
        expect.assert_every_parameter_learns(network, torch.randn(2, 3, 32, 32), f"a network of {depth} probe blocks")
    if right_blocks(student, name, expansion, blocks):  # otherwise that question charges it
        net = student.skeleton("ResNet", getattr(student, name), [*num_blocks])
        what = f"ResNet({name}, {num_blocks})"
        expect.assert_parameter_count(net, expected, what, "each stage has as many blocks as num_blocks says")


def right_blocks(student, name, expansion, blocks):
    """Whether the student's own block has the right expansion, and the right number of parameters at these shapes."""
    try:
        made = {shape: expect.count_parameters(student.skeleton(name, *shape)) for shape in blocks}
        return made == blocks and getattr(student, name).expansion == expansion
    except Exception:  # the question of that block reports what is wrong
        return False
