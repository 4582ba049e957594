"""Train the network of one submission and measure its accuracy."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import torch

from autograder.student.errors import NOT_ABOUT_THE_CODE, GraderBroken
from autograder.student.message import CheckFailure, Message
from autograder.submission import Reading, Slice
from autograder.suite.blocks import assert_built_of_blocks
from autograder.suite.outcome import Outcome
from autograder.suite.training import TrainingResult
from autograder.training.context import TrainingContext
from autograder.training.inside.fit import Progress
from autograder.training.logits_check import has_passed, match_to_reference, require_own_logits
from autograder.training.retry import retry
from autograder.training.same_network import NUM_BLOCKS, require_same_network, shapes_of_network
from autograder.training.seeds import derive
from autograder.training.train_confined import Trained, TrainingStopped, train_confined

if TYPE_CHECKING:
    from autograder.training.heldout import Exam

CHECKED_IMAGES = 64
"""Held-out images whose logits are recomputed."""
BASELINE_BLOCK = "trained with the basic block of the baseline network, because yours loses points in q1"


def evaluate(
    context: TrainingContext, reading: Reading, secret: bytes, outcomes: Sequence[Outcome], student: Any
) -> TrainingResult:
    """Train the student's `ResNet18()` and measure its accuracy; what goes wrong is part of the result.

    A `BasicBlock` that loses points in q1 is replaced by that of the baseline network, where `ResNet` accepts it. A
    network that is not built of blocks is not trained.

    Args:
        context: what to train with.
        reading: the submission's code.
        secret: of this submission; all seeds are derived from it.
        outcomes: of the tests of this submission.
        student: its classes.

    Raises:
        GraderBroken: the grader itself failed.
    """
    if (reason := context.unavailable_reason) is not None:
        return TrainingResult(deferred=reason)
    try:
        if reading.too_long:
            raise CheckFailure(Message(got=reading.too_long))
        generator = torch.Generator().manual_seed(derive(secret, "weights of the fresh network"))
        names = match_to_reference(student, outcomes, generator)
        if names is None:
            assert_built_of_blocks(student, NUM_BLOCKS, student.ResNet18)
        own_block = has_passed(outcomes, "q1") or not _accepts_other_blocks(student)
        shapes = shapes_of_network(student, own_block) if names is None else None
        exam = context.exam(derive(secret, "held-out images", bits=256))
        trained = train(context, reading.bare, exam, derive(secret, "training"), own_block, want_state=True)
    except TrainingStopped as stopped:
        return TrainingResult(deferred=stopped.reason if stopped.failure is None else "", failure=stopped.failure)
    except GraderBroken:
        raise
    except Exception as error:  # raised by student code, or on its behalf
        return TrainingResult(failure=error)
    failure = None
    generator = torch.Generator().manual_seed(derive(secret, "checked images"))
    chosen = torch.randperm(len(exam.heldout_images), generator=generator)[:CHECKED_IMAGES]
    try:
        if shapes is not None:
            require_same_network(trained, shapes)
        else:
            require_own_logits(trained, names, exam.heldout_images, chosen)
    except CheckFailure as error:
        failure = error
    setup, accuracy = context.setup, exam.accuracy(trained.logits)
    return TrainingResult(
        accuracy=accuracy,
        threshold=setup.threshold,
        seconds=round(trained.seconds, 1),
        recipe=setup.budget.recipe.in_words(),
        note=_note(own_block, exam, trained, accuracy < setup.threshold),
        failure=failure,
    )


def _accepts_other_blocks(student: Any) -> bool:
    """Whether `ResNet18()` can be built of another block: its initialization may read attributes of `BasicBlock`."""
    try:
        student.ResNet18(student.probe(1))
    except NOT_ABOUT_THE_CODE:
        raise
    except Exception:
        return False
    return True


def _note(own_block: bool, exam: "Exam", trained: Trained, too_low: bool) -> str:
    notes = [] if own_block else [BASELINE_BLOCK]
    if too_low and (worst := exam.worst_confusions(trained.logits)):
        notes.append(f"confused most often: {', '.join(map(str, worst))}")
    return "; ".join(notes)


def train(
    context: TrainingContext,
    slice_: Slice,
    exam: "Exam",
    seed: int,
    own_block: bool = True,
    want_state: bool = False,
    tell: Callable[[str], None] | None = None,
) -> Trained:
    """Train the `ResNet18()` of this code when there is a slot, and once more where the GPU may be to blame.

    Args:
        context: what to train with.
        slice_: the code.
        exam: training images, and held-out images that the network classifies after the training.
        seed: of the order and augmentation of images, and of what the network draws.
        own_block, want_state: see `train_confined`.
        tell: called with the progress; the context's when None.

    Raises:
        TrainingStopped: the training did not finish.
    """
    setup, tell = context.setup, tell or context.tell

    def attempt(slot: AbstractContextManager) -> Trained:
        return train_confined(
            slice_,
            exam,
            setup.budget.recipe,
            device=setup.device,
            seed=seed,
            limits=setup.limits,
            want_state=want_state,
            progress=lambda progress: tell(in_words(progress)),
            own_block=own_block,
            slot=slot,
            images=context.images,
            unsafe=context.unsafe,
        )

    return retry(attempt, context.slots)


def in_words(progress: Progress) -> str:
    """Epoch and accuracy, as the training process reports them."""
    return f"training, epoch {progress.epoch:g} of {progress.epochs:g}, accuracy {progress.accuracy:.0%}"
