"""What `ResNet` does to blocks of the student's own class costs points in q3; what they do themselves does not."""

import pytest

from autograder.grading.seeds import SUITE
from autograder.maintain.build import solved_source
from autograder.student.local import LocalStudent
from autograder.suite.own_network import assert_own_blocks_learn, look_at_own_network
from autograder.suite.run import run_suite

INIT = """
        for module in self.modules():
            if isinstance(module, BasicBlock):
                nn.init.zeros_(module.bn1.weight)
"""
HEAD = "        self.linear = nn.Linear(512 * block.expansion, num_classes)\n"
BLOCK = "        return F.relu(out + self.shortcut(x))\n"
SUMMED = "out + self.shortcut(x)"
DEFAULT = ("def ResNet18(", "def ResNet18(block=BasicBlock")
"""The class of the blocks is taken where the function is defined, so that no probe can take its place."""
BATCHNORM = "        self.bn1 = nn.BatchNorm2d(planes)\n"


@pytest.fixture
def student_with(tmp_path):
    """Makes the solution with some text in the place of another one."""

    def make(*changes: tuple[str, str]) -> LocalStudent:
        source = solved_source()
        for before, after in changes:
            assert before in source
            source = source.replace(before, after, 1)
        path = tmp_path / "resnet.py"
        path.write_text(source)
        return LocalStudent.from_file(path)

    return make


def test_the_solution_learns_and_agrees(student_with):
    look = look_at_own_network(student_with())
    assert look.reason is None
    assert look.agrees


def test_a_block_that_is_not_defined_costs_nothing_in_q3(student_with):
    student = student_with(("class BasicBlock(nn.Module)", "class Basicblock(nn.Module)"))
    outcomes = run_suite(student, SUITE, only=["q3"])
    assert [outcome.id for outcome in outcomes if outcome.failed] == []


def test_resnet_starts_its_blocks_at_zero(student_with):
    with pytest.raises(Exception, match="do not change") as raised:
        assert_own_blocks_learn(student_with((HEAD, HEAD + INIT)))
    assert raised.value.mistakes == ("start_without_learning",)


def test_resnet_that_raises_with_right_blocks(student_with):
    with pytest.raises(AttributeError, match="bn7"):
        assert_own_blocks_learn(student_with((HEAD, HEAD + INIT.replace("bn1", "bn7"))))


@pytest.mark.parametrize(
    "change",
    [
        (BATCHNORM, BATCHNORM + "        nn.init.zeros_(self.bn1.weight)\n"),
        (BATCHNORM, BATCHNORM + "        self.conv1.weight.requires_grad = False\n"),
        ("nn.Conv2d(in_planes, planes, kernel_size=3", "nn.Conv2d(in_planes, planes, kernel_size=5"),
        ("nn.Conv2d(in_planes, planes, kernel_size=3", "nn.Conv2d(64, planes, kernel_size=3"),
    ],
    ids=["zero", "frozen", "kernel", "channels"],
)
def test_a_wrong_block_costs_nothing_here(student_with, change):
    look = look_at_own_network(student_with(change))
    assert look.reason is None
    assert not look.agrees


def test_a_pooling_of_fixed_size(student_with):
    look = look_at_own_network(student_with(("F.adaptive_avg_pool2d(out, 1)", "F.avg_pool2d(out, 4)")))
    assert look.agrees


@pytest.mark.parametrize("depth", ["[2, 2, 2, 2]", "[2, 2, 2, 3]"])
@pytest.mark.parametrize(
    "block",
    [
        (BLOCK, BLOCK),
        (BLOCK, BLOCK.replace(SUMMED, f"F.dropout({SUMMED}, 0.3, self.training)")),
        (BLOCK, BLOCK.replace(SUMMED, f"{SUMMED} + torch.rand(1)")),
        (BATCHNORM, "        self.bn1 = SHARED.setdefault(planes, nn.BatchNorm2d(planes))\n"),
        ("nn.Conv2d(in_planes, planes, kernel_size=3", "nn.Conv2d(in_planes, planes, kernel_size=5"),
    ],
    ids=["right", "dropout", "random", "shared", "does not run"],
)
def test_resnet18_whose_blocks_are_its_own(student_with, block, depth):
    """What is wrong in a block costs nothing in q3, and hides no wrong number of blocks, whatever is drawn."""
    head = ("class BasicBlock(nn.Module)", "SHARED = {}\n\n\nclass BasicBlock(nn.Module)")
    own = ("(BasicBlock, [2, 2, 2, 2])", f"(block, {depth})")
    for seed in range(2):
        outcomes = run_suite(student_with(head, block, DEFAULT, own), SUITE, only=["q3"], seed=seed)
        shared = "SHARED" in block[1]
        expected = ["test_resnet18"] if depth[-2] == "3" and not shared else []
        assert [outcome.id.rpartition("::")[2] for outcome in outcomes if outcome.failed] == expected
