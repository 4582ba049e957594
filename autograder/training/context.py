"""What a grading trains with: device, data, recipe and threshold; checked once, before the first submission."""

import contextlib
import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.sandbox.limits import TrainingLimits
from autograder.training.calibration import NOT_CALIBRATED, BadCalibration, Calibration, calibration_for
from autograder.training.inside.shared_images import SharedImages
from autograder.training.slots import Slots

if TYPE_CHECKING:  # imports torchvision and matplotlib, which takes a second, and few runs train
    from autograder.training.heldout import Cifar10, Exam

STANDIN = "the images are stand-in data, and the threshold is for CIFAR-10"


@dataclass(frozen=True)
class TrainingSetup:
    """How submissions are trained; can be sent to the processes that grade.

    Args:
        device: "cuda" or "cpu".
        data: folder of CIFAR-10; $CIFAR10_ROOT when None.
        calibration: recipe and threshold; None where nothing can be trained, and `problem` says why.
        problem: why nothing can be trained, "" when it can.
        limits: what a training may use.
    """

    device: str
    data: Path | None = None
    calibration: Calibration | None = None
    problem: str = ""
    limits: TrainingLimits = field(default_factory=TrainingLimits)


def set_up(device: str, data: Path | None) -> TrainingSetup:
    """Load data and calibration; returns a setup that can train, or one whose `problem` says why not.

    Raises:
        DataProblem: CIFAR-10 is not there.
    """
    from autograder.training.heldout import load_cifar10

    standin = load_cifar10(data).standin
    try:
        calibration = calibration_for(device)
    except BadCalibration as error:
        return TrainingSetup(device, data, problem=str(error))
    problem = NOT_CALIBRATED if calibration is None else STANDIN if standin else ""
    return TrainingSetup(device, data, calibration, problem)


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
        self._stack = contextlib.ExitStack()

    @property
    def unavailable_reason(self) -> str | None:
        """Why nothing can be trained; None when it can."""
        if self.setup.calibration is None or self.setup.problem:
            return self.setup.problem or NOT_CALIBRATED
        if sys.platform != "linux":
            return "networks are trained in a process that only Linux can confine"
        return self._missing_data

    def exam(self, seed: int) -> "Exam":
        """Training data, and held-out images drawn with this seed."""
        from autograder.training.heldout import Exam

        return Exam.draw(self.data, seed, self.setup.calibration.recipe.heldout)

    @functools.cached_property
    def data(self) -> "Cifar10":
        """The data set, loaded when it is first needed."""
        from autograder.training.heldout import load_cifar10

        return load_cifar10(self.setup.data)

    @functools.cached_property
    def _missing_data(self) -> str | None:
        from autograder.training.heldout import DataProblem

        try:
            _ = self.data
        except DataProblem as problem:
            return str(problem)
        return None

    @functools.cached_property
    def images(self) -> SharedImages:
        """The training images, in memory that training processes read."""
        return self._stack.enter_context(contextlib.closing(SharedImages(self.data.train_images)))

    def close(self) -> None:
        """Free the shared memory."""
        self._stack.close()
