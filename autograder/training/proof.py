"""Is a submission's network proved to be the reference's? Then its logits can be checked, and its accuracy is known.

Its logits can be checked where every test of q1 and q3 passed, so that block and network compute what they should, and
the tensors of `ResNet18()` were matched to the reference's roles, with weights drawn anew: that proves the network as a
whole. Its accuracy is known where its weights are also drawn as the reference's are, so that it starts where that does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from autograder.oracle.full_network import match
from autograder.oracle.initialization import find_difference
from autograder.oracle.matching import Assignment, classify_tensors, draw
from autograder.suite.outcome import Outcome

PROVING = ("q1", "q3")
"""The questions whose tests prove the parts of ResNet-18."""


@dataclass(frozen=True)
class Proof:
    """What is proved of a network.

    Args:
        names: the student's names for the roles of ResNet-18; None where it is not proved to compute what that does.
        difference: why its accuracy is not known all the same, "" when it is.
    """

    names: Assignment | None
    difference: str = ""

    @property
    def complete(self) -> bool:
        """It need not be trained."""
        return self.names is not None and not self.difference


def passed(outcomes: Sequence[Outcome], question: str) -> bool:
    """Were there tests of this question, and did all of them pass?"""
    mine = [outcome.outcome for outcome in outcomes if outcome.question == question]
    return bool(mine) and set(mine) == {"passed"}


def prove(student: Any, outcomes: Sequence[Outcome], generator: torch.Generator) -> Proof:
    """Prove what can be proved.

    Args:
        student: a student surface.
        outcomes: what the tests of this very file found out.
        generator: draws weights and images.
    """
    if not all(passed(outcomes, question) for question in PROVING):
        return Proof(None)
    network, another = student.ResNet18(), student.ResNet18()
    state = network.state_dict()
    difference = find_difference(state, another.state_dict())
    found = classify_tensors(state, frozenset(name for name, _ in network.named_parameters()))
    weights = draw(state, found, generator)
    network.load_state_dict(weights)
    images = torch.randn(1, 3, 32, 32, generator=generator)
    with torch.no_grad():
        logits = network.eval()(images)
    return Proof(match(found, weights, images, logits), difference)
