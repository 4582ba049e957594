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


@pytest.mark.points(4)
@pytest.mark.parametrize(("expansion", "num_blocks", "num_classes"), NETWORKS)
def test_forward(student, expansion, num_blocks, num_classes):
    """Forward pass: stem, stages, average pooling and head compute what they should, in eval mode."""
    judge_network(student, expansion, num_blocks, num_classes, aspect="eval").require()


@pytest.mark.points(2)
@pytest.mark.parametrize(("expansion", "num_blocks", "num_classes"), NETWORKS[:2])
def test_train_mode(student, expansion, num_blocks, num_classes):
    """Train mode: the stem's BatchNorm normalises with the batch and updates its running statistics."""
    judge_network(student, expansion, num_blocks, num_classes, aspect="train").require()


@pytest.mark.points(2)
@pytest.mark.parametrize(("expansion", "num_blocks", "num_classes"), NETWORKS[:2])
def test_gradients(student, expansion, num_blocks, num_classes):
    """Gradients: those of the images and of every parameter of the network are right."""
    judge_network(student, expansion, num_blocks, num_classes, aspect="gradient").require()


# (name, num_blocks, expansion, parameters of the network, {block: its parameters}); He et al. 2015, table 1, with the
# 3x3 stem of section 4.2 and ten classes.
DEPTHS = [
    ("BasicBlock", [2, 2, 2, 2], 1, 11_173_962, {(64, 64, 1): 73_984, (64, 128, 2): 230_144}),
    ("Bottleneck", [3, 4, 6, 3], 4, 23_520_842, {(64, 64, 1): 75_008, (256, 128, 2): 379_392}),
]


@pytest.mark.points(2)
@pytest.mark.parametrize(("name", "num_blocks", "expansion", "expected", "blocks"), DEPTHS, ids=["18", "50"])
def test_depth(student, name, num_blocks, expansion, expected, blocks):
    """Depth: ResNet-18 and ResNet-50 have as many parameters as in the paper's table, in the CIFAR form."""
    if not right_blocks(student, name, blocks):  # charged in its own question; the wiring is judged with probes
        probe = student.probe(expansion)
        student.ResNet(probe, num_blocks)
        depth = sum(num_blocks)
        if len(probe.calls) != depth:
            expect.fail(f"ResNet(block, {num_blocks}) builds {depth} blocks", f"{len(probe.calls)}")
        return
    net = student.ResNet(getattr(student, name), num_blocks)
    expect.assert_parameter_count(
        net, expected, f"ResNet({name}, {num_blocks})", "each stage has as many blocks as num_blocks says"
    )


def right_blocks(student, name, blocks):
    """Whether the student's own block has the right number of parameters at each of the shapes given."""
    try:
        made = {shape: expect.count_parameters(getattr(student, name)(*shape)) for shape in blocks}
    except Exception:  # whatever is wrong is said in its own question
        return False
    return made == blocks
