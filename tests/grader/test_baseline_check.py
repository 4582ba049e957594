"""Before anyone is judged a network of ours is trained: a machine on which that falls short judges nobody."""

import dataclasses
import json

import pytest
import torch

import autograder.grading.classroom
from autograder.grading.classroom import grade_all
from autograder.sandbox.limits import TrainingLimits
from autograder.student.errors import StudentTimeout
from autograder.submission import execute
from autograder.training import evaluate as trainer_module
from autograder.training.baseline_check import controlled, our_network
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
    """Makes the training of our network reach an accuracy, in so many seconds."""

    def make(accuracy: float, seconds: float = 1.0) -> None:
        def train(slice_, exam: Exam, recipe, **_) -> Trained:
            logits = torch.nn.functional.one_hot(exam._answers, 10).float()
            wrong = round((1 - accuracy) * len(logits))
            logits[:wrong] = logits[:wrong].roll(1, 1)
            return Trained(logits, None, seconds, ())

        monkeypatch.setattr(trainer_module, "train_confined", train)

    return make


def test_it_is_our_network():
    namespace = {}
    assert not execute(our_network(), namespace)
    net = namespace["ResNet18"]()
    assert sum(p.numel() for p in net.parameters()) == 11_173_962
    assert net(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


@pytest.mark.parametrize("accuracy", [0.4, 0.6, 1.0])
def test_where_ours_trains_well_everybody_is_judged(accuracy, setup, reaches):
    reaches(accuracy)
    assert controlled(setup) == setup


def test_where_ours_falls_short_nobody_is(setup, reaches):
    reaches(0.38)
    problem = controlled(setup).problem
    assert problem.startswith("a network of ours, trained here, names 38.0% of the images, where 60.0% were measured")
    assert "run python -m benchmarks.calibrate_training on this machine" in problem
    assert "\n" not in problem


def test_a_slow_machine_has_more_time(setup, reaches):
    reaches(0.6, seconds=100)
    assert controlled(setup).limits == dataclasses.replace(setup.limits, fit_seconds=400)


@pytest.mark.parametrize("failure", [None, StudentTimeout("too slow")])
def test_where_ours_cannot_be_trained_nobody_is_judged(failure, setup, monkeypatch):
    def stop(*_, **__):
        raise TrainingStopped("why", failure=failure, deferred=False)

    monkeypatch.setattr(trainer_module, "train_confined", stop)
    assert controlled(setup).problem == "a network of ours cannot be trained here: why"


def test_what_could_not_be_trained_anyway_is_not_tried(setup, monkeypatch):
    monkeypatch.setattr(trainer_module, "train_confined", None)
    for hopeless in (
        dataclasses.replace(setup, problem="no data"),
        dataclasses.replace(setup, calibration=None),
        dataclasses.replace(setup, data=setup.data / "nowhere"),
    ):
        assert controlled(hopeless) == hopeless


def test_it_really_trains(setup):
    """In a confined process, as students' networks."""
    measured = dataclasses.replace(setup.calibration, recipe=Recipe(1, 8, 0.01, images=8), mean=0.1, std=0.1)
    setup = dataclasses.replace(setup, calibration=measured, limits=TrainingLimits())
    told = []
    assert controlled(setup, tell=told.append) == setup
    assert told[0].startswith("a network of ours first: training, epoch 1 of 1")


@pytest.fixture
def class_of_one(monkeypatch, tmp_path, setup):
    """A function that grades a submission; `asked` counts how often our network was to be trained."""
    submission = tmp_path / "submission.py"
    submission.write_text("")
    asked, warned = [], []

    def control(setup, **_):
        asked.append(setup)
        return dataclasses.replace(setup, problem="ours falls short")

    monkeypatch.setattr(autograder.grading.classroom, "controlled", control)

    def grade(only, setup=setup):
        (result,), _ = grade_all([submission], tmp_path / "out", only=only, training=setup, warn=warned.append)
        return result, len(asked), warned

    return grade


def test_a_class_is_deferred_and_that_is_said_once(class_of_one):
    result, asked, warned = class_of_one(["q4"])
    (judged,) = [test for test in result["tests"] if "test_training_accuracy" in test["id"]]
    assert (judged["outcome"], judged["message"]["got"]) == ("deferred", "Deferred: ours falls short")
    assert result["training"] is None
    assert (asked, warned) == (1, ["ours falls short"])
    assert json.dumps(result)


def test_ours_is_trained_only_for_others(class_of_one, setup):
    assert class_of_one(["q1"])[1] == 0
    assert class_of_one(["q4"], dataclasses.replace(setup, problem="no data"))[1] == 0
    assert class_of_one(["q4"], None)[1] == 0
