"""Right networks are trained before anyone is judged: what a machine carries is the threshold, and it is kept."""

import dataclasses
import json
import os
import signal
import statistics

import psutil
import pytest
import torch

import autograder.training.calibration
from autograder.course.handins import handins
from autograder.grading.classroom import grade_all
from autograder.sandbox.limits import TrainingLimits
from autograder.student.errors import StudentError, StudentTimeout
from autograder.submission import execute
from autograder.training import evaluate as evaluate_module
from autograder.training import machine
from autograder.training.budgets import Study
from autograder.training.calibration import calibrate, thresholds
from autograder.training.calibration_store import cache_folder
from autograder.training.cifar10 import load_cifar10
from autograder.training.heldout import Exam
from autograder.training.inside.fit import Recipe
from autograder.training.right_networks import STYLES, network_slice
from autograder.training.train_confined import Trained, TrainingStopped
from tests.grader import trainings
from utils import make_standin


@pytest.fixture(autouse=True)
def cache(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return make_standin(tmp_path_factory.mktemp("standin"), 20, 200)


@pytest.fixture
def setup(data):
    """Eight trainings; the study measured ± 1 %; wrong networks reach 40 %; the course asks for 60 %."""
    setup = trainings.setup(data=data, threshold=0.6)
    study = Study(0.01, 24, "a CPU", "stand-in", "2026-01-01")
    return dataclasses.replace(setup, budget=dataclasses.replace(setup.budget, trainings=8, floor=0.4, study=study))


@pytest.fixture
def reaches(monkeypatch):
    """Makes the trainings reach these accuracies, or raise; returns the slices that were trained."""

    def make(*accuracies: float | Exception, seconds: float = 1.0) -> list:
        left, trained = list(accuracies), []

        def train(slice_, exam: Exam, recipe, *, progress, **_) -> Trained:
            trained.append(slice_)
            accuracy = left.pop(0)
            if isinstance(accuracy, BaseException):
                raise accuracy
            logits = torch.nn.functional.one_hot(exam._answers, 10).float()
            wrong = round((1 - accuracy) * len(logits))
            logits[:wrong] = logits[:wrong].roll(1, 1)
            return Trained(logits, None, seconds, ())

        monkeypatch.setattr(evaluate_module, "train_confined", train)
        return trained

    return make


USUAL = (0.70, 0.71, 0.69, 0.72, 0.68, 0.70, 0.71, 0.69)


@pytest.mark.parametrize("style", STYLES)
def test_the_styles_are_resnets_of_18_layers(style):
    namespace = {}
    assert not execute(network_slice(STYLES[style]), namespace)
    net = namespace["ResNet18"]()
    assert sum(p.numel() for p in net.parameters()) == 11_173_962
    assert net(torch.zeros(2, 3, 32, 32)).shape == (2, 10)


def test_the_styles_compute_the_same_function_from_other_weights():
    nets = []
    for source in STYLES.values():
        namespace = {}
        execute(network_slice(source), namespace)
        torch.manual_seed(0)
        nets.append(namespace["ResNet18"]().eval())
    plain, he, zero, other = nets
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        expected = plain(images)
        for net in (he, zero, other):
            assert not torch.allclose(net(images), expected, rtol=1e-2)
        for net in (he, zero):
            net.load_state_dict(plain.state_dict())
        pairs = [(other.conv, plain[0]), (other.norm, plain[1]), (other.head, plain[-1])]
        for mine, theirs in [*pairs, *zip(reversed(other.blocks), plain[3:-3], strict=True)]:
            mine.load_state_dict(theirs.state_dict())
        for net in (he, zero, other):
            assert torch.allclose(net(images), expected, rtol=1e-4, atol=1e-5)


def test_a_machine_that_carries_the_minimum_asks_for_it(setup, tmp_path, reaches):
    trained, said = reaches(*USUAL), []
    judged = calibrate(setup, tmp_path, say=said.append)
    assert judged == setup
    assert len(trained) == 8
    assert {trained.count(network_slice(source)) for source in STYLES.values()} == {2}
    assert said == [
        f"calibration: 8 right networks reach 70.0% ± 1.3% on {machine.processor()}; a network must reach 60.0%"
    ]


def test_a_machine_that_does_not_lowers_it_and_says_so(setup, tmp_path, reaches):
    reaches(*(accuracy - 0.06 for accuracy in USUAL))
    said = []
    judged = calibrate(setup, tmp_path, say=said.append)
    assert 0.55 < judged.threshold < 0.6
    assert judged == dataclasses.replace(setup, threshold=judged.threshold)
    (line,) = said
    assert f"a network must reach {judged.threshold:.1%}: lowered from 60.0%" in line
    assert thresholds(setup, tmp_path) == {judged.threshold}


def test_a_machine_that_is_too_weak_judges_nobody(setup, tmp_path, reaches):
    trained = reaches(*(accuracy - 0.27 for accuracy in USUAL * 2))
    said = []
    problem = calibrate(setup, tmp_path, say=said.append).problem
    assert problem.startswith("16 right networks reach 43.0% ± 1.3% on ")
    assert problem.endswith("%, and wrong networks reach 40.0%")
    assert "\n" not in problem
    assert not said
    assert {trained.count(network_slice(source)) for source in STYLES.values()} == {4}


def test_eight_that_happen_to_vary_much_are_not_the_last_word(setup, tmp_path, reaches):
    """Twice as many trainings are made before nobody is judged; what was judged by them is reused."""
    wild = (0.67, 0.75, 0.7, 0.64, 0.76, 0.7, 0.74, 0.66)
    reaches(*wild, *USUAL)
    said = []
    judged = calibrate(setup, tmp_path, say=said.append)
    assert not judged.problem
    assert setup.budget.floor < judged.threshold < setup.threshold
    assert said[0].startswith("calibration: 16 right networks reach ")
    reaches()
    assert calibrate(setup, tmp_path) == judged


def test_a_course_may_ask_for_less_than_the_floor(setup, tmp_path, reaches):
    reaches(*(accuracy - 0.27 for accuracy in USUAL))
    assert calibrate(dataclasses.replace(setup, threshold=0.2), tmp_path).threshold == 0.2


def test_what_varies_more_than_in_the_study_is_taken_as_it_is(setup, tmp_path, reaches):
    wild = (0.67, 0.73, 0.7, 0.66, 0.74, 0.7, 0.72, 0.68)
    reaches(*wild)
    far = statistics.mean(wild) - 10 * statistics.stdev(wild)
    lowered = dataclasses.replace(setup, budget=dataclasses.replace(setup.budget, floor=0.1))
    assert calibrate(lowered, tmp_path).threshold < far


def test_a_slow_machine_has_more_time(setup, tmp_path, reaches):
    reaches(*USUAL, seconds=100)
    assert calibrate(setup, tmp_path).limits == dataclasses.replace(setup.limits, fit_seconds=400)


def test_it_is_measured_once(setup, tmp_path, reaches, cache):
    """The results folder keeps it, and the user's cache for the next results folder."""
    reaches(*USUAL)
    calibrate(setup, tmp_path / "one")
    trained, said = reaches(), []
    for results in ("one", "two"):
        assert calibrate(setup, tmp_path / results, say=said.append) == setup
        assert list((tmp_path / results / "calibration").glob("*.json"))
    assert not trained
    assert len(said) == 2
    assert all(line.startswith("calibration: reused from 20") for line in said)
    assert list(cache.rglob("*.json"))


@pytest.mark.parametrize("change", ["recipe", "torch", "data", "device", "code"])
def test_it_is_measured_again_when_anything_changes(change, setup, tmp_path, reaches, monkeypatch):
    reaches(*USUAL)
    calibrate(setup, tmp_path)
    if change == "recipe":
        recipe = dataclasses.replace(setup.budget.recipe, peak_lr=0.2)
        setup = dataclasses.replace(setup, budget=dataclasses.replace(setup.budget, recipe=recipe))
    elif change == "torch":
        monkeypatch.setattr(torch, "__version__", "2.99")
    elif change == "data":
        setup = dataclasses.replace(setup, data=make_standin(tmp_path / "other", 30, 200))
    elif change == "device":
        monkeypatch.setattr(machine, "processor", lambda: "another one")
    else:
        monkeypatch.setattr(machine, "CODE", ("heldout.py",))
    trained = reaches(*USUAL)
    calibrate(setup, tmp_path)
    assert len(trained) == 8


def test_a_gpu_is_known_by_its_name_and_driver(setup, monkeypatch, tmp_path):
    driver = tmp_path / "version"
    driver.write_text("NVRM version: 570.1\nGCC\n")
    monkeypatch.setattr(machine, "DRIVER", driver)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda _: "some GPU")
    found = machine.circumstances("cuda", setup.budget.recipe, load_cifar10(setup.data))
    assert (found["device"], found["driver"]) == ("some GPU", "NVRM version: 570.1")
    driver.unlink()
    assert machine.circumstances("cuda", setup.budget.recipe, load_cifar10(setup.data))["driver"] == "unknown"


def test_an_interrupted_calibration_continues(setup, tmp_path, reaches):
    reaches(*USUAL[:3], RuntimeError("stopped"))
    with pytest.raises(RuntimeError, match="stopped"):
        calibrate(setup, tmp_path)
    trained = reaches(*USUAL[3:])
    assert calibrate(setup, tmp_path) == setup
    assert len(trained) == 5
    (kept,) = [json.loads(path.read_text()) for path in (tmp_path / "calibration").glob("*.json")]
    styles = [training["style"] for training in kept["trainings"]]
    assert {styles.count(style) for style in STYLES} == {2}


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"circumstances": {}, "trainings": [{"style": 1}]}'])
def test_a_broken_file_is_measured_again(content, setup, tmp_path, reaches, cache):
    reaches(*USUAL)
    calibrate(setup, tmp_path)
    for path in [*tmp_path.rglob("calibration/*.json")]:
        path.write_text(content)
    trained = reaches(*USUAL)
    assert calibrate(setup, tmp_path) == setup
    assert len(trained) == 8


def test_a_cache_that_cannot_be_written_does_not_matter(setup, tmp_path, reaches, cache):
    cache.write_text("a file")
    reaches(*USUAL)
    assert calibrate(setup, tmp_path) == setup


def test_the_cache_is_where_the_user_wants_it(monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/is/not/allowed")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "resnet-assignment" / "calibration"


@pytest.mark.parametrize(
    "failure", [None, StudentTimeout("too slow"), StudentError("OutOfMemoryError", "CUDA out of memory", "")]
)
def test_where_right_networks_cannot_be_trained_nobody_is_judged(failure, setup, tmp_path, reaches):
    """The process does not start, is too slow, or there is no memory: once more alone, then one line."""
    stopped = TrainingStopped("why", failure=failure, deferred=isinstance(failure, StudentError))
    trained = reaches(stopped, stopped)
    problem = calibrate(setup, tmp_path).problem
    assert problem == "the grader's right networks cannot be trained here: why"
    assert len(trained) == (2 if stopped.deferred and failure else 1)


def test_a_lost_process_is_one_line(setup, tmp_path):
    """It is really killed, while it trains."""
    budget = dataclasses.replace(setup.budget, recipe=Recipe(500, 8, 0.01, images=8))
    setup = dataclasses.replace(setup, budget=budget, limits=TrainingLimits())

    def kill(_: str) -> None:
        for child in psutil.Process().children():
            if "training.inside.worker" in " ".join(child.cmdline()):
                os.kill(child.pid, signal.SIGKILL)

    problem = calibrate(setup, tmp_path, tell=kill).problem
    assert problem.startswith("the grader's right networks cannot be trained here: ")
    assert "crashed the Python process (Killed)" in problem
    assert "\n" not in problem


def test_what_could_not_be_trained_anyway_is_not_tried(setup, tmp_path, reaches):
    trained = reaches()
    for hopeless in (
        dataclasses.replace(setup, problem="no data"),
        dataclasses.replace(setup, data=setup.data / "nowhere"),
    ):
        assert calibrate(hopeless, tmp_path) == hopeless
    assert not trained


@pytest.mark.slow  # as test_a_later_run_fills_in does, without a class
def test_it_really_trains_side_by_side(setup, tmp_path):
    """In confined processes, as students' networks."""
    budget = dataclasses.replace(setup.budget, recipe=Recipe(1, 8, 0.01, images=8, heldout=50), trainings=2)
    setup = dataclasses.replace(setup, budget=budget, limits=TrainingLimits(), threshold=0.001)
    told, said = [], []
    assert calibrate(setup, tmp_path, jobs=2, tell=told.append, say=said.append).threshold <= 0.001
    assert told[0].startswith("calibration, 0 of 2: training, epoch 1 of 1")
    assert said or setup.problem == ""


@pytest.fixture
def class_of_one(monkeypatch, tmp_path, setup):
    """A function that grades a submission; `asked` counts the calibrations."""
    submission = tmp_path / "submission.py"
    submission.write_text("")
    asked, warned = [], []

    def check(setup, results, **_):
        asked.append(results)
        return dataclasses.replace(setup, problem="right networks fall short")

    monkeypatch.setattr(autograder.training.calibration, "calibrate", check)

    def grade(only, setup=setup):
        (result,), _ = grade_all(
            handins({submission: submission.parent})[0], tmp_path / "out", only=only, training=setup, warn=warned.append
        )
        return result, asked, warned

    return grade


def test_a_class_is_deferred_and_that_is_said_once(class_of_one, tmp_path):
    result, asked, warned = class_of_one(["q4"])
    (judged,) = [test for test in result.tests if "test_training_accuracy" in test.id]
    assert (judged.outcome, judged.message.got) == ("deferred", "Deferred: right networks fall short")
    assert result.training is None
    assert asked == [tmp_path / "out"]
    assert warned == ["the training check is deferred: right networks fall short"]


def test_a_machine_is_calibrated_only_for_others(class_of_one, setup):
    assert not class_of_one(["q1"])[1]
    assert not class_of_one(["q4"], dataclasses.replace(setup, problem="no data"))[1]
    assert not class_of_one(["q4"], None)[1]
