"""The hidden test of the training: what passes, what is deferred, and what a student reads who falls short."""

import importlib.util
from dataclasses import dataclass

import pytest

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


def test_too_little_is_said_in_three_parts(hidden):
    result = Examined(0.9199, note="mixed up most: cat and dog (213 images)")
    with pytest.raises(AssertionError) as caught:
        hidden.test_training_accuracy("the student", Trainer(result))
    asked, came, look = str(caught.value).splitlines()
    assert asked == "Asked: ResNet18, trained from scratch for 7 epochs, names 92.0% of images that it has never seen"
    assert came == "Came:  it names 91.99% of them; mixed up most: cat and dog (213 images)"
    assert "what q1 to q3 say" in look
    assert all(word in look for word in ("frozen", "detached", "BatchNorm"))
