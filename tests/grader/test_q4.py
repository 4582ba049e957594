"""Question 4: only a network of blocks counts, and it learns from any usual initialization."""

import pytest
import torch
from torch import nn

from autograder.grading.seeds import SUITE
from autograder.maintain.build import solved_source
from autograder.maintain.gallery import complete
from autograder.maintain.samples import entries
from autograder.student.adam import Adam
from autograder.student.local import LocalStudent
from autograder.student.message import CheckFailure
from autograder.suite.blocks import assert_built_of_blocks
from autograder.suite.run import run_suite
from tests.grader.conftest import student_of

BLOCKS = [2, 2, 2, 2]
DISCARDED = """
class Fake(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        self.blocks = [block(64, 64, 1) for _ in range(sum(num_blocks))]
        self.linear = nn.Linear(192, num_classes)

    def forward(self, x):
        return self.linear(F.adaptive_avg_pool2d(x, 8).flatten(1))


ResNet = Fake
"""
"""Blocks are built, but they are neither registered nor used."""
NO_BLOCKS = "class BasicBlock(nn.Module):\n    expansion = 1\n"


def gallery_student(name: str, tmp_path, more: str = "") -> LocalStudent:
    return student_of(f"{complete(entries()[name], solved_source())}\n{more}", tmp_path)


def points_of_q4(student: LocalStudent) -> float:
    return sum(outcome.points for outcome in run_suite(student, SUITE, only=["q4"]))


@pytest.mark.parametrize("more", ["", NO_BLOCKS], ids=["right block", "empty block"])
@pytest.mark.parametrize("name", ["q3_table", "q3_linear_classifier", "q3_two_layers"])
def test_what_is_not_a_network_of_blocks_earns_nothing(name, more, tmp_path):
    student = gallery_student(name, tmp_path, more)
    assert points_of_q4(student) == 0
    with pytest.raises(CheckFailure):
        assert_built_of_blocks(student, BLOCKS, student.ResNet18)


def test_blocks_that_are_not_used_are_none(tmp_path):
    student = student_of(solved_source() + DISCARDED, tmp_path)
    with pytest.raises(CheckFailure, match="the same logits with other blocks"):
        assert_built_of_blocks(student, BLOCKS, student.ResNet18)


@pytest.mark.parametrize(
    "name", ["q3_blocks_in_list", "q3_block_hard_coded", "q3_repeated_block", "initialised_inside_resnet"]
)
def test_a_network_of_blocks_counts_whatever_else_is_wrong(name, tmp_path):
    assert points_of_q4(gallery_student(name, tmp_path)) == 8


@pytest.mark.parametrize("block", ["raise ValueError", "return 0 * x"])
def test_a_broken_block_costs_nothing(block, tmp_path):
    change = f"\ndef forward(self, x):\n    {block}\n\nBasicBlock.forward = forward\n"
    assert points_of_q4(student_of(solved_source() + change, tmp_path)) == 8


def test_small_weights_learn(tmp_path):
    assert points_of_q4(gallery_student("small_random_init", tmp_path)) == 8


def test_answers_by_place_in_the_batch_do_not_count(tmp_path):
    """A network of blocks whose logits depend on the place of the image alone."""
    change = """
_init, _forward = ResNet.__init__, ResNet.forward


def init(self, *args):
    _init(self, *args)
    self.table = nn.Parameter(torch.zeros(64, 10))


ResNet.__init__ = init
ResNet.forward = lambda self, x: 1e-6 * _forward(self, x) + 10 * self.table[: len(x)]
"""
    assert points_of_q4(student_of(solved_source() + change, tmp_path)) == 0


def test_adam_is_that_of_torch():
    mine, theirs = nn.Linear(3, 2), nn.Linear(3, 2)
    theirs.load_state_dict(mine.state_dict())
    ours, reference = Adam(mine, 0.01), torch.optim.Adam(theirs.parameters(), 0.01)
    for x in torch.randn(5, 4, 3):
        for net, optimizer in ((mine, ours), (theirs, reference)):
            net.zero_grad()
            net(x).square().sum().backward()
            optimizer.step()
    for a, b in zip(mine.parameters(), theirs.parameters(), strict=True):
        torch.testing.assert_close(a, b)
