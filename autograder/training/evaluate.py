"""One submission is trained and judged."""

import random
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import pytest
import torch

from autograder.oracle.full_network import alike, logits_of
from autograder.oracle.matching import Assignment
from autograder.submission import Slice, bare, too_heavy
from autograder.suite import expect
from autograder.suite.outcome import Outcome
from autograder.suite.training import Examined
from autograder.training.context import TrainingContext
from autograder.training.inside.fit import Progress
from autograder.training.inside.pixels import normalised
from autograder.training.policy import must_train
from autograder.training.proof import passed, prove
from autograder.training.retry import train_fairly
from autograder.training.train_confined import Trained, TrainingStopped, train_confined

if TYPE_CHECKING:
    from autograder.training.heldout import Exam

CHECKED_IMAGES = 64
PROVED = "not trained: the network and the way its weights are drawn are proved to be the reference's"
OUR_BLOCK = "trained with a basic block of ours, because yours loses points in q1"


@dataclass(frozen=True)
class Record:
    """What a result file says of the training; `seconds` and `accuracy` are None where there was none."""

    trained: bool
    accuracy: float | None
    threshold: float
    seconds: float | None
    note: str

    def to_json(self) -> dict[str, Any]:
        """As plain JSON values."""
        return asdict(self)


class Trainer:
    """Trains the network of one submission; see `autograder.suite.training`.

    Args:
        context: shared by all trainers of a process.
        slice_: the submission's code; None where there is none.
        seed: the submission's, secret.
        outcomes: what is known of its other questions from earlier.
    """

    def __init__(self, context: TrainingContext, slice_: Slice | None, seed: int, outcomes: Sequence[Outcome] = ()):
        self._context, self._slice, self._seed, self._outcomes = context, slice_, seed, tuple(outcomes)
        self.record: Record | None = None
        """What came of it."""

    @property
    def unavailable_reason(self) -> str | None:
        """Why nothing can be trained here; None when it can."""
        return self._context.unavailable_reason

    def after(self, outcomes: Sequence[Outcome]) -> "Trainer":
        """Take the outcomes of the tests before, which count more than earlier ones."""
        judged = {outcome.question for outcome in outcomes}
        self._outcomes = (*(old for old in self._outcomes if old.question not in judged), *outcomes)
        return self

    def examine(self, student: Any) -> Examined:
        """Train the student's `ResNet18()`, unless it need not be, and judge it.

        Raises:
            AssertionError: the code is too long, or its logits are not those of its network.
            StudentError, StudentTimeout, StudentCrash: the code did not come to the end of the training.
        """
        own_block = passed(self._outcomes, "q1")
        if not own_block:
            student.ResNet18(student.probe(1))  # what is not there is said before a process is started for it
        if complaint := too_heavy(self._slice):
            raise AssertionError(complaint)
        proof = prove(student, self._outcomes, torch.Generator().manual_seed(self._seed % 2**63))
        setup, threshold = self._context.setup, self._context.setup.calibration.threshold
        if not must_train(setup.policy, proof.complete, self._seed):
            self.record = Record(False, None, threshold, None, PROVED)
            return Examined(None, threshold, False, note=PROVED)
        exam = self._context.exam(self._seed)
        trained = self._train(exam, own_block, want_state=proof.names is not None)
        accuracy = exam.accuracy(trained.logits)
        note = "" if own_block else OUR_BLOCK
        self.record = Record(True, accuracy, threshold, round(trained.seconds, 1), note)
        if proof.names is not None:
            require_own_logits(trained, proof.names, exam, self._seed)
        if accuracy < threshold and (worst := exam.worst_confusions(trained.logits)):
            note = "; ".join(filter(None, (note, f"mixed up most: {', '.join(map(str, worst))}")))
        return Examined(accuracy, threshold, True, setup.calibration.recipe.in_words(), note)

    def _train(self, exam: "Exam", own_block: bool, want_state: bool) -> Trained:
        try:
            return train_in_turn(self._context, self._slice, exam, self._seed, own_block, want_state)
        except TrainingStopped as stopped:
            if stopped.failure is None:
                pytest.skip(f"Deferred: {stopped.reason}")
            raise stopped.failure from None


def train_in_turn(
    context: TrainingContext, slice_: Slice, exam: "Exam", seed: int, own_block: bool = True, want_state: bool = False
) -> Trained:
    """Train the `ResNet18()` of this code when it is its turn, once more where the GPU may be to blame.

    Args:
        context: what to train with.
        slice_: the code.
        exam: what it learns from, and what it is shown afterwards.
        seed: secret; of order, crops and what the network draws.
        own_block, want_state: as of `train_confined`.

    Raises:
        TrainingStopped: it did not come to its end.
    """
    setup = context.setup

    def attempt(turn: AbstractContextManager) -> Trained:
        return train_confined(
            bare(slice_),
            exam,
            setup.calibration.recipe,
            device=setup.device,
            seed=random.Random(f"training {seed}").getrandbits(31),
            limits=setup.limits,
            want_state=want_state,
            progress=lambda progress: context.tell(in_words(progress)),
            own_block=own_block,
            turn=turn,
            images=context.images,
            unsafe=context.unsafe,
        )

    return train_fairly(attempt, context.slots)


def in_words(progress: Progress) -> str:
    """How far a training is, as its process tells it."""
    return f"training, epoch {progress.epoch:g} of {progress.epochs:g}, accuracy {progress.accuracy:.0%}"


def require_own_logits(trained: Trained, names: Assignment, exam: "Exam", seed: int) -> None:
    """The logits must be those that the reference computes with the trained weights, on images nobody can foresee."""
    count = len(exam.heldout_images)
    chosen = torch.randperm(count, generator=torch.Generator().manual_seed((seed + 1) % 2**63))[:CHECKED_IMAGES]
    weights = trained.state or {}
    try:
        sound = alike(trained.logits[chosen], logits_of(weights, names, normalised(exam.heldout_images[chosen])))
    except (KeyError, RuntimeError):  # tensors that the fresh network had are gone, or have another shape
        sound = False
    if not sound:
        expect.fail(
            "the logits of the held-out images are those of the trained network",
            "logits that its trained weights do not give",
            "does forward do something else in eval mode, or after the training?",
        )
