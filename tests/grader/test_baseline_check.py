"""The baseline network is trained before anyone is judged: a machine on which it falls short judges nobody."""

import dataclasses

import pytest
import torch

from autograder.course.handins import handins
from autograder.grading.classroom import grade_all
from autograder.sandbox.limits import TrainingLimits
from autograder.student.errors import StudentTimeout
from autograder.submission import execute
from autograder.training import baseline_check
from autograder.training import evaluate as evaluate_module
from autograder.training.baseline_check import check_baseline, slice_of_baseline
from autograder.training.heldout import Exam
from autograder.training.inside.fit import Recipe
from autograder.training.train_confined import Trained, TrainingStopped
from tests.grader import trainings
from utils import make_standin


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_standin(tmp_path_factory.mktemp("standin"), 100, 50)


@pytest.fixture
def setup(data):
    """Measured were 60 ± 5 %."""
    setup = trainings.setup(data=data)
    return dataclasses.replace(setup, calibration=dataclasses.replace(setup.calibration, mean=0.6, std=0.05))


@pytest.fixture
def reaches(monkeypatch):
    """Makes the training of the baseline network reach an accuracy, in so many seconds."""

    def make(accuracy: float, seconds: float = 1.0) -> None:
        def train(slice_, exam: Exam, recipe, **_) -> Trained:
            logits = torch.nn.functional.one_hot(exam._answers, 10).float()
            wrong = round((1 - accuracy) * len(logits))
            logits[:wrong] = logits[:wrong].roll(1, 1)
            return Trained(logits, None, seconds, ())

        monkeypatch.setattr(evaluate_module, "train_confined", train)

    return make


def test_the_slice_is_a_resnet18():
    namespace = {}
    assert not execute(slice_of_baseline(), namespace)
    net = namespace["ResNet18"]()
    assert sum(p.numel() for p in net.parameters()) == 11_173_962
    assert net(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


@pytest.mark.parametrize("accuracy", [0.4, 0.6, 1.0])
def test_where_the_baseline_trains_well_everybody_is_judged(accuracy, setup, reaches):
    reaches(accuracy)
    assert check_baseline(setup) == setup


def test_where_the_baseline_falls_short_nobody_is(setup, reaches):
    reaches(0.38)
    problem = check_baseline(setup).problem
    assert problem.startswith("the baseline network, trained here, classifies 38.0% of the images correctly, where 60")
    assert "run python -m benchmarks.calibrate_training on this machine" in problem
    assert "\n" not in problem


def test_a_slow_machine_has_more_time(setup, reaches):
    reaches(0.6, seconds=100)
    assert check_baseline(setup).limits == dataclasses.replace(setup.limits, fit_seconds=400)


@pytest.mark.parametrize("failure", [None, StudentTimeout("too slow")])
def test_where_the_baseline_cannot_be_trained_nobody_is_judged(failure, setup, monkeypatch):
    def stop(*_, **__):
        raise TrainingStopped("why", failure=failure, deferred=False)

    monkeypatch.setattr(evaluate_module, "train_confined", stop)
    assert check_baseline(setup).problem == "the baseline network cannot be trained here: why"


def test_what_could_not_be_trained_anyway_is_not_tried(setup, monkeypatch):
    monkeypatch.setattr(evaluate_module, "train_confined", None)
    for hopeless in (
        dataclasses.replace(setup, problem="no data"),
        dataclasses.replace(setup, calibration=None),
        dataclasses.replace(setup, data=setup.data / "nowhere"),
    ):
        assert check_baseline(hopeless) == hopeless


def test_it_really_trains(setup):
    """In a confined process, as students' networks."""
    measured = dataclasses.replace(setup.calibration, recipe=Recipe(1, 8, 0.01, images=8), mean=0.1, std=0.1)
    setup = dataclasses.replace(setup, calibration=measured, limits=TrainingLimits())
    told = []
    assert check_baseline(setup, tell=told.append) == setup
    assert told[0].startswith("the baseline network first: training, epoch 1 of 1")


@pytest.fixture
def class_of_one(monkeypatch, tmp_path, setup):
    """A function that grades a submission; `asked` counts how often the baseline network was to be trained."""
    submission = tmp_path / "submission.py"
    submission.write_text("")
    asked, warned = [], []

    def check(setup, **_):
        asked.append(setup)
        return dataclasses.replace(setup, problem="the baseline falls short")

    monkeypatch.setattr(baseline_check, "check_baseline", check)

    def grade(only, setup=setup):
        (result,), _ = grade_all(
            handins({submission: submission.parent})[0], tmp_path / "out", only=only, training=setup, warn=warned.append
        )
        return result, len(asked), warned

    return grade


def test_a_class_is_deferred_and_that_is_said_once(class_of_one):
    result, asked, warned = class_of_one(["q4"])
    (judged,) = [test for test in result.tests if "test_training_accuracy" in test.id]
    assert (judged.outcome, judged.message.got) == ("deferred", "Deferred: the baseline falls short")
    assert result.training is None
    assert (asked, warned) == (1, ["the baseline falls short"])


def test_the_baseline_is_trained_only_for_others(class_of_one, setup):
    assert class_of_one(["q1"])[1] == 0
    assert class_of_one(["q4"], dataclasses.replace(setup, problem="no data"))[1] == 0
    assert class_of_one(["q4"], None)[1] == 0
