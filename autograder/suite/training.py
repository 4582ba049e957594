"""What the `training` fixture hands to the hidden test; graders have one, students do not."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from autograder.suite.outcome import Outcome


@dataclass(frozen=True)
class Examined:
    """What a training found out about a network.

    Args:
        accuracy: share of the held-out images that it names, 0 to 1; None where it was not trained.
        threshold: what it must reach.
        trained: False where it need not be: it is proved to be the network whose accuracy is known.
        budget: for how long it was trained, in words.
        note: for whoever reads the result, "" when there is nothing to say.
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
        """The same trainer, told what the tests before found out."""

    def examine(self, student: Any) -> Examined:
        """Train the student's `ResNet18()` and judge it. What goes wrong is raised as in any test."""
