"""A network that is another one where it is trained earns nothing for it."""

import pytest
import torch
from torch import nn

from autograder.maintain.build import solved_source
from autograder.maintain.gallery import complete
from autograder.maintain.samples import entries
from autograder.student.local import LocalStudent
from autograder.student.message import CheckFailure
from autograder.training.inside.baseline_network import BasicBlock
from autograder.training.same_network import require_same_network, shapes_of_network
from autograder.training.train_confined import Trained
from tests.grader.test_charge import student_of

SWITCHES = """


def ResNet18(build=ResNet18):
    if hasattr(BasicBlock, "calls") or BasicBlock.__module__ == "submission":
        return build()
    return torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(3072, 10))
"""


def trained(net: nn.Module) -> Trained:
    """What a training process sends of this network."""
    return Trained(torch.zeros(1, 10), net.state_dict(), 1.0, ())


@pytest.fixture
def solution(tmp_path) -> LocalStudent:
    return student_of(solved_source(), tmp_path)


@pytest.mark.parametrize("own_block", [True, False])
def test_the_same_network_passes(solution, own_block):
    net = solution.ResNet18() if own_block else solution.ResNet18(BasicBlock)
    require_same_network(trained(net), shapes_of_network(solution, own_block))


def test_a_network_that_knows_where_it_is_trained_is_refused(tmp_path):
    student = student_of(solved_source() + SWITCHES, tmp_path)
    net = student.ResNet18(BasicBlock)
    assert len(net) == 2
    with pytest.raises(CheckFailure, match=r"121 missing, such as \(.*\); 1 that the other lacks, such as \(10, 30"):
        require_same_network(trained(net), shapes_of_network(student, False))


def test_blocks_in_a_list_are_not_missing(tmp_path):
    """A network hides its blocks: q3 charges that, and there is nothing else to compare."""
    student = student_of(complete(entries()["q3_blocks_in_list"], solved_source()), tmp_path)
    require_same_network(trained(student.ResNet18(BasicBlock)), shapes_of_network(student, False))
