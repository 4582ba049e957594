"""Check that a training process did not invent its logits: recompute some of them from the trained weights.

That is possible where the student's network is known to compute what the reference network computes: all tests of q1
and q3 passed, so that block and network are right, and the tensors of `ResNet18()` can be matched to the reference's.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from autograder.oracle.full_network import alike, logits_of, match
from autograder.oracle.matching import Assignment, classify_tensors, draw
from autograder.student.message import CheckFailure, Message
from autograder.student.state import load_state, outline_of, parameters_of
from autograder.suite.outcome import Outcome
from autograder.training.inside.pixels import enlarge, normalize
from autograder.training.train_confined import Trained

REQUIRED_QUESTIONS = ("q1", "q3")
"""The questions whose tests cover the parts of ResNet-18."""
FOREIGN_LOGITS = Message(
    expected="the logits of the held-out images are those of the trained network",
    got="logits that its trained weights do not give",
    hint="does forward do something else in eval mode, or after the training?",
)


def has_passed(outcomes: Sequence[Outcome], question: str) -> bool:
    """Whether this question has tests here, and all of them passed."""
    results = {outcome.outcome for outcome in outcomes if outcome.question == question}
    return results == {"passed"}


def match_to_reference(student: Any, outcomes: Sequence[Outcome], generator: torch.Generator) -> Assignment | None:
    """For each tensor of the reference ResNet-18 the student's name; None where the networks are not known to agree.

    Args:
        student: the student's classes.
        outcomes: of the tests of this submission.
        generator: draws weights and images for a forward pass.
    """
    if not all(has_passed(outcomes, question) for question in REQUIRED_QUESTIONS):
        return None
    network = student.ResNet18()
    state = outline_of(network)
    found = classify_tensors(state, frozenset(parameters_of(network)))
    weights = draw(state, found, generator)
    load_state(network, weights)
    images = torch.randn(1, 3, 32, 32, generator=generator)
    with torch.no_grad():
        logits = network.eval()(images)
    return match(found, weights, images, logits)


def require_own_logits(trained: Trained, names: Assignment, images: Tensor, chosen: Tensor) -> None:
    """The logits must be those that the reference network computes with the trained weights.

    Args:
        trained: logits and weights, as the training process sent them.
        names: from `match_to_reference`.
        images: the held-out images, uint8 (N, 3, H, W), which the process enlarges where the code takes no small ones.
        chosen: int64, indices of the images to check; the student must not be able to predict them.

    Raises:
        CheckFailure: they are not.
    """
    try:
        for pictures in (images[chosen], enlarge(images[chosen])):
            if alike(trained.logits[chosen], logits_of(trained.state or {}, names, normalize(pictures))):
                return
    except (KeyError, RuntimeError):  # tensors of the fresh network are missing, or have another shape
        pass
    raise CheckFailure(FOREIGN_LOGITS)
