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

if TYPE_CHECKING:  # it brings torchvision and matplotlib, which take a second, and few runs train
    from autograder.training.heldout import Cifar10, Exam

STANDIN = "the images are a stand-in, and its threshold is for CIFAR-10"


@dataclass(frozen=True)
class Setup:
    """How submissions are trained; travels to the processes that grade.

    Args:
        device: "cuda" or "cpu".
        data: folder of CIFAR-10; $CIFAR10_ROOT when None.
        policy: one of `autograder.training.policy.POLICIES`.
        calibration: recipe and threshold; None: nothing can be trained, `problem` says why.
        problem: why nothing can be trained, "" when it can.
        limits: what a training may use.
    """

    device: str
    data: Path | None = None
    policy: str = "all"
    calibration: Calibration | None = None
    problem: str = ""
    limits: TrainingLimits = field(default_factory=TrainingLimits)


def set_up(device: str, data: Path | None, policy: str) -> Setup:
    """Look at what is there; a `Setup` that can train, or one that says why not.

    Raises:
        DataProblem: CIFAR-10 is not there.
    """
    from autograder.training.heldout import load_cifar10

    standin = load_cifar10(data).standin
    try:
        calibration = calibration_for(device)
    except BadCalibration as error:
        return Setup(device, data, policy, problem=str(error))
    problem = NOT_CALIBRATED if calibration is None else STANDIN if standin else ""
    return Setup(device, data, policy, calibration, problem)


class TrainingContext:
    """What all trainings of one process share: the data, and the sealed copy of its images. Close it.

    Args:
        setup: how to train.
        slots: who may train when.
        tell: called with how far a training is.
        unsafe: as of `Grader`.
    """

    def __init__(
        self,
        setup: Setup,
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
        """An examination of this draw."""
        from autograder.training.heldout import Exam

        return Exam.draw(self.data, seed, self.setup.calibration.recipe.heldout)

    @functools.cached_property
    def data(self) -> "Cifar10":
        """The data set, read when it is first needed."""
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
        """Its training images, as training processes read them."""
        return self._stack.enter_context(contextlib.closing(SharedImages(self.data.train_images)))

    def close(self) -> None:
        """Give the memory back."""
        self._stack.close()
