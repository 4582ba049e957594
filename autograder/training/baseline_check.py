"""Before anyone is judged: does a network of ours, trained on this machine, reach what was measured?

The threshold was measured on one machine. On another one, with its own GPU, driver, PyTorch and copy of the data,
something may be so different that right networks fall short, too. So ours comes first, in the same confined process,
with the same recipe and on images of the same kind. Where it falls short nobody is judged.
"""

import dataclasses
import secrets
from collections.abc import Callable
from pathlib import Path

from autograder.submission import Cell, Slice, Submission, slice_submission
from autograder.training.context import Setup, TrainingContext
from autograder.training.evaluate import train_in_turn
from autograder.training.inside import baseline_network as network
from autograder.training.train_confined import TrainingStopped

DEVIATIONS = 4
"""By how many standard deviations ours may fall short of the mean: less than the threshold's five."""
SLOWER = 4
"""How many times as long as ours a student's network may train: it may be written in another way, and have company."""


def controlled(setup: Setup, *, tell: Callable[[str], None] = lambda line: None, unsafe: bool = False) -> Setup:
    """Train a network of ours; the setup to judge with, whose `problem` says why nobody can be judged here.

    Args:
        setup: how submissions are to be trained.
        tell: called with how far the training is.
        unsafe: as of `Grader`.
    """
    context = TrainingContext(setup, tell=lambda line: tell(f"a network of ours first: {line}"), unsafe=unsafe)
    try:
        if context.unavailable_reason is not None:
            return setup
        seed = secrets.randbits(256)
        exam = context.exam(seed)
        trained = train_in_turn(context, our_network(), exam, seed)
        accuracy = exam.accuracy(trained.logits)
    except TrainingStopped as stopped:
        return dataclasses.replace(setup, problem=f"a network of ours cannot be trained here: {stopped.reason}")
    finally:
        context.close()
    if complaint := _falls_short(setup, accuracy):
        return dataclasses.replace(setup, problem=complaint)
    seconds = max(setup.limits.fit_seconds, SLOWER * trained.seconds)
    return dataclasses.replace(setup, limits=dataclasses.replace(setup.limits, fit_seconds=seconds))


def our_network() -> Slice:
    """`autograder.training.inside.baseline_network`, as if a student had handed it in."""
    file = Path(network.__file__)
    source = f"{file.read_text(encoding='utf-8')}\n\ndef ResNet18():\n    return resnet18()\n"
    return slice_submission(Submission(file.name, "", (Cell(file.name, source),)), ["ResNet18"])


def _falls_short(setup: Setup, accuracy: float) -> str:
    """What is wrong with ours, for the TA; "" where it is good enough."""
    measured = setup.calibration
    least = measured.mean - DEVIATIONS * measured.std
    if accuracy >= least:
        return ""
    return (
        f"a network of ours, trained here, names {accuracy:.1%} of the images, where {measured.mean:.1%} were measured "
        f"({measured.hardware}; {measured.data}): run python -m benchmarks.calibrate_training on this machine"
    )
