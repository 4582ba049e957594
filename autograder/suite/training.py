"""What the `training` fixture passes to the hidden test; only graders have one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from autograder.suite.outcome import Outcome


@dataclass(frozen=True)
class Examined:
    """The result of training a network.

    Args:
        accuracy: share of the held-out images that it classifies correctly, 0 to 1; None where it was not trained.
        threshold: the accuracy that it must reach.
        trained: False where that is not necessary: it is proved to be the network whose accuracy is known.
        budget: how long it was trained, in words.
        note: for whoever reads the result; "" when there is nothing to add.
    """

    accuracy: float | None
    threshold: float
    trained: bool
    budget: str = ""
    note: str = ""


class Trainer(Protocol):
    """Trains the network of one submission."""

    @property
    def unavailable_reason(self) -> str | None:
        """Why nothing can be trained here, in one sentence; None when it can."""

    def after(self, outcomes: Sequence[Outcome]) -> "Trainer":
        """The same trainer, with the outcomes of the tests that ran before."""

    def examine(self, student: Any) -> Examined:
        """Train the student's `ResNet18()` and judge it; raises what any test may raise."""
