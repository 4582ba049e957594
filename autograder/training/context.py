"""What a grading trains with: device, data, recipe and threshold; checked once, before the first submission."""

import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.sandbox.limits import TrainingLimits
from autograder.training.budgets import BadBudget, Budget, budget_for
from autograder.training.inside.shared_images import SharedImages
from autograder.training.slots import Slots

if TYPE_CHECKING:  # they import torchvision and matplotlib, which takes a second, and few runs train
    from autograder.course.settings import MinimumAccuracy
    from autograder.training.cifar10 import Cifar10
    from autograder.training.heldout import Exam

STANDIN = "the images are stand-in data, and the minimum accuracy is for CIFAR-10"


@dataclass(frozen=True)
class TrainingSetup:
    """How submissions are trained; can be sent to the processes that grade.

    Args:
        device: "cuda" or "cpu".
        data: folder of CIFAR-10; $CIFAR10_ROOT when None.
        budget: the recipe; None where nothing can be trained, and `problem` says why.
        threshold: the accuracy that a network must reach, 0 to 1: the course's minimum, until `calibrate` has found
            what this machine carries.
        problem: why nothing can be trained, "" when it can.
        published: False where the data are another copy; the threshold is measured with whatever they are.
        limits: what a training may use.
    """

    device: str
    data: Path | None = None
    budget: Budget | None = None
    threshold: float = 1.0
    problem: str = ""
    published: bool = True
    limits: TrainingLimits = field(default_factory=TrainingLimits)


def set_up(device: str, data: Path | None, minimum: "MinimumAccuracy") -> TrainingSetup:
    """Load data and budget; returns a setup that can train, or one whose `problem` says why not.

    Args:
        device: "cuda" or "cpu".
        data: folder of CIFAR-10; $CIFAR10_ROOT when None.
        minimum: what the course asks for in each budget.

    Raises:
        DataProblem: CIFAR-10 is not there.
    """
    from autograder.training.cifar10 import load_cifar10

    given = load_cifar10(data)
    try:
        budget = budget_for(device)
    except BadBudget as error:
        return TrainingSetup(device, data, problem=str(error))
    problem = STANDIN if given.standin else ""
    return TrainingSetup(device, data, budget, getattr(minimum, budget.name), problem, given.published)


class TrainingContext:
    """What all trainings of one process share: the data, and the shared copy of its images. Close it.

    Args:
        setup: how to train.
        slots: limits how many trainings run at once.
        tell: called with the progress of a training.
        unsafe: as of `Grader`.
    """

    def __init__(
        self,
        setup: TrainingSetup,
        slots: Slots | None = None,
        tell: Callable[[str], None] = lambda line: None,
        unsafe: bool = False,
    ):
        self.setup, self.slots, self.tell, self.unsafe = setup, slots or Slots(), tell, unsafe

    @property
    def unavailable_reason(self) -> str | None:
        """Why nothing can be trained; None when it can."""
        if self.setup.problem:
            return self.setup.problem
        if sys.platform != "linux":
            return "networks are trained in a process that only Linux can confine"
        return self._missing_data

    def exam(self, seed: int) -> "Exam":
        """Training data, and held-out images drawn with this seed."""
        from autograder.training.heldout import Exam

        return Exam.draw(self.data, seed, self.setup.budget.recipe.heldout)

    @functools.cached_property
    def data(self) -> "Cifar10":
        """The data set, loaded when it is first needed, with training images of the recipe's size."""
        from autograder.training.cifar10 import load_cifar10

        return load_cifar10(self.setup.data).reduced(self.setup.budget.recipe.side)

    @functools.cached_property
    def _missing_data(self) -> str | None:
        from autograder.training.cifar10 import DataProblem

        try:
            _ = self.data
        except DataProblem as problem:
            return str(problem)
        return None

    @functools.cached_property
    def images(self) -> SharedImages:
        """The training images, in memory that training processes read."""
        return SharedImages(self.data.train_images)

    def close(self) -> None:
        """Free the shared memory."""
        if "images" in vars(self):
            self.images.close()
