"""The hidden test of the training: what passes, what is deferred, and what a student reads below the threshold."""

import pytest

from autograder.student.errors import StudentCrash
from autograder.student.message import as_text
from autograder.student.no_submission import NoSubmission
from autograder.suite.run import run_suite
from autograder.suite.training import NOT_TRAINED, TrainingResult
from tests.grader.conftest import ROOT

HIDDEN = (ROOT / "tests" / "hidden",)


def judge(result: TrainingResult) -> tuple[str, str]:
    """Outcome and message of the hidden test for this result."""
    (outcome,) = run_suite(NoSubmission(""), HIDDEN, only=["q4"], marked="needs_cuda", training=result)
    return outcome.outcome, as_text(outcome.message)


def measured(accuracy: float, note: str = "") -> TrainingResult:
    return TrainingResult(accuracy, 0.92, 41.5, "7 epochs", note)


@pytest.mark.parametrize("accuracy", [0.92, 0.99])
def test_enough_passes(accuracy):
    assert judge(measured(accuracy)) == ("passed", "")


def test_what_cannot_be_trained_is_deferred():
    assert judge(TrainingResult(deferred="no data")) == ("deferred", "Got:      Deferred: no data")
    assert judge(NOT_TRAINED)[0] == "deferred"


def test_a_failure_in_the_training_is_the_outcome():
    assert judge(TrainingResult(failure=StudentCrash("It crashed."))) == ("error", "Got:      It crashed.")
    assert judge(TrainingResult(0.99, 0.92, failure=AssertionError("Forged."))) == ("failed", "Got:      Forged.")


def test_too_low_an_accuracy_is_explained():
    outcome, text = judge(measured(0.9199, "confused most often: cat and dog (213 images)"))
    expected, got, hint = text.split("\n", 2)
    assert outcome == "failed"
    assert expected == (
        "Expected: ResNet18, trained from scratch for 7 epochs, classifies at least 92.0% of unseen images correctly"
    )
    assert got == "Got:      it classifies 91.99% correctly; confused most often: cat and dog (213 images)"
    assert all(word in hint for word in ("q1 to q3", "frozen", "detached", "BatchNorm"))
