"""The hidden test of the training: what passes, what is deferred, and what a student reads who falls short."""

import importlib.util
from dataclasses import dataclass

import pytest

from autograder.student.message import CheckFailure
from tests.grader.conftest import ROOT

FILE = ROOT / "tests" / "hidden" / "test_q4_hidden.py"


@dataclass
class Examined:
    accuracy: float | None
    threshold: float = 0.92
    trained: bool = True
    budget: str = "7 epochs"
    note: str = ""


@dataclass
class Trainer:
    """Hands out a result instead of training."""

    result: Examined | None = None
    unavailable_reason: str | None = None

    def examine(self, student):
        assert student == "the student"
        return self.result


@pytest.fixture
def hidden():
    """The module of the hidden test."""
    spec = importlib.util.spec_from_file_location("hidden_q4", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("result", [Examined(0.92), Examined(0.99), Examined(None, trained=False, note="proved")])
def test_enough_passes(hidden, result):
    hidden.test_training_accuracy("the student", Trainer(result))


def test_what_cannot_be_trained_is_deferred(hidden):
    with pytest.raises(pytest.skip.Exception, match="Deferred: its threshold is not calibrated yet"):
        hidden.test_training_accuracy("the student", Trainer(unavailable_reason="its threshold is not calibrated yet"))


def test_too_little_is_explained_in_three_parts(hidden):
    result = Examined(0.9199, note="mixed up most: cat and dog (213 images)")
    with pytest.raises(CheckFailure) as caught:
        hidden.test_training_accuracy("the student", Trainer(result))
    message = caught.value.message
    asked = "ResNet18, trained from scratch for 7 epochs, classifies at least 92.0% of unseen images correctly"
    assert message.expected == asked
    assert message.got == "it classifies 91.99% correctly; mixed up most: cat and dog (213 images)"
    assert "the messages of q1 to q3" in message.hint
    assert all(word in message.hint for word in ("frozen", "detached", "BatchNorm"))
