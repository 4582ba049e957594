"""Before anyone is judged: does the baseline network, trained on this machine, reach the accuracy that was measured?

The threshold was measured on one machine. Another one, with its own GPU, driver, PyTorch and copy of the data, may
train so differently that right networks miss it. So the baseline network is trained first, in the same confined
process, with the same recipe, and on held-out images of the same kind. Where it falls short, nobody is judged.
"""

import dataclasses
import secrets
from collections.abc import Callable
from pathlib import Path

from autograder.submission import Cell, Slice, Submission, slice_submission
from autograder.training.context import TrainingContext, TrainingSetup
from autograder.training.evaluate import train
from autograder.training.inside import baseline_network
from autograder.training.seeds import derive
from autograder.training.train_confined import TrainingStopped

DEVIATIONS = 4
"""Standard deviations by which the baseline may fall short of the mean: fewer than the five of the threshold."""
SLOWER = 4
"""How many times as long as the baseline a student's network may train: it may be slower, or share the machine."""


def check_baseline(
    setup: TrainingSetup, *, tell: Callable[[str], None] = lambda line: None, unsafe: bool = False
) -> TrainingSetup:
    """Train the baseline network; returns the setup to judge with, whose `problem` says why nobody can be judged here.

    Args:
        setup: how submissions are to be trained.
        tell: called with the progress of the training.
        unsafe: as of `Grader`.
    """
    context = TrainingContext(setup, tell=lambda line: tell(f"the baseline network first: {line}"), unsafe=unsafe)
    try:
        if context.unavailable_reason is not None:
            return setup
        secret = secrets.token_bytes(32)
        exam = context.exam(derive(secret, "held-out images", bits=256))
        trained = train(context, slice_of_baseline(), exam, derive(secret, "training"))
        accuracy = exam.accuracy(trained.logits)
    except TrainingStopped as stopped:
        return dataclasses.replace(setup, problem=f"the baseline network cannot be trained here: {stopped.reason}")
    finally:
        context.close()
    if complaint := _falls_short(setup, accuracy):
        return dataclasses.replace(setup, problem=complaint)
    seconds = max(setup.limits.fit_seconds, SLOWER * trained.seconds)
    return dataclasses.replace(setup, limits=dataclasses.replace(setup.limits, fit_seconds=seconds))


def slice_of_baseline() -> Slice:
    """`autograder.training.inside.baseline_network` in the form of a submission."""
    file = Path(baseline_network.__file__)
    source = f"{file.read_text(encoding='utf-8')}\n\ndef ResNet18():\n    return resnet18()\n"
    return slice_submission(Submission(file.name, "", (Cell(file.name, source),)), ["ResNet18"])


def _falls_short(setup: TrainingSetup, accuracy: float) -> str:
    """What is wrong with the baseline's accuracy, for the TA; "" where it is high enough."""
    measured = setup.calibration
    if accuracy >= measured.mean - DEVIATIONS * measured.std:
        return ""
    return (
        f"the baseline network, trained here, classifies {accuracy:.1%} of the images correctly, where "
        f"{measured.mean:.1%} were measured ({measured.hardware}; {measured.data}): "
        "run python -m benchmarks.calibrate_training on this machine"
    )
