"""The study of a recipe: its arithmetic, its data, what it prints and what it refuses to keep."""

import dataclasses
import io
import json
import math
import shutil

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import utils
from autograder.maintain.samples import entries
from autograder.training import budgets, predictive_bound
from autograder.training.cifar10 import DataProblem
from benchmarks import (
    calibrate_training,
    false_alarm,
    training_data,
    training_networks,
    training_runs,
    tutorial_recipe,
)
from benchmarks.spread import Spread
from benchmarks.training_networks import MUST_FAIL, ONCE, RIGHT, WRONG, builder


def test_spread_is_that_of_all_trainings_and_luck_that_within_networks():
    spread = Spread({"a": [0.93, 0.94, 0.95], "b": [0.92, 0.96], "c": [0.9]})
    assert spread.accuracies == [0.93, 0.94, 0.95, 0.92, 0.96, 0.9]
    assert spread.mean == pytest.approx(0.9333, abs=1e-4)
    assert spread.std == pytest.approx(0.0216, abs=1e-4)
    assert spread.luck == pytest.approx(math.sqrt((0.0002 + 0.0008) / 3))
    assert spread.weakest == "c"
    assert Spread({"a": [0.9], "b": [0.92]}).luck == pytest.approx(math.sqrt(0.0002))


def test_false_alarms_are_printed_and_too_many_are_an_error(capsys, monkeypatch):
    assert false_alarm.main(["--budget", "short", "--worlds", "300"]) == 0
    said = capsys.readouterr().out
    assert "| without a study | " in said
    assert "| spread 1.5 times the study's | " in said
    assert said.count(" in 100,000 |") == 1 + len(false_alarm.RATIOS)
    monkeypatch.setattr(predictive_bound, "FALSE_ALARM", 1e-3)  # the rule, not the benchmark's measure
    assert false_alarm.main(["--budget", "short", "--worlds", "300"]) == 1


def test_networks_are_in_the_gallery():
    gallery = entries()
    assert len(RIGHT) == 6
    assert all(gallery[name].right for name in (*RIGHT[1:], *ONCE))
    assert not set(RIGHT) & set(ONCE)
    assert not any(gallery[name].right for name in WRONG)
    assert WRONG[: len(MUST_FAIL)] == MUST_FAIL


def test_builder_leaves_pytorch_as_it_was(monkeypatch):
    monkeypatch.setattr(training_networks, "complete", lambda *_: "from torch import nn\nnn.ReLU = ResNet18 = 5\n")
    before = nn.ReLU
    with builder("zero_init_residual") as built:
        assert built == nn.ReLU == 5
    assert nn.ReLU is before


def jpegs(path, count=60):
    """Plain grey pictures, each with its own shade."""
    arrays = {}
    for part, number in (("train", count), ("test", count // 2)):
        files = []
        for shade in range(number):
            file = io.BytesIO()
            Image.new("RGB", (32, 32), (shade * 4,) * 3).save(file, "JPEG")
            files.append(np.frombuffer(file.getvalue(), np.uint8))
        arrays[f"{part}_bytes"] = np.concatenate(files)
        arrays[f"{part}_offsets"] = np.cumsum([0, *map(len, files)]).astype(np.uint32)
        arrays[f"{part}_labels"] = (np.arange(number) % 10).astype(np.uint8)
    np.savez(path, **arrays)
    return path


def test_jpegs_are_read_and_called_so(tmp_path):
    data, name = training_data.load(jpegs(tmp_path / "data.npz"), None)
    assert name == "CIFAR-10 (JPEG)"
    assert (data.train_images.shape, data.test_images.shape) == ((60, 3, 32, 32), (30, 3, 32, 32))
    assert abs(int(data.train_images[50].float().mean()) - 200) < 2
    assert data.train_labels[:12].tolist() == [*range(10), 0, 1]
    assert not data.standin
    data, name = training_data.load(tmp_path / "data.npz", 50)
    assert (len(data.train_images), len(data.train_labels), len(data.test_images)) == (50, 50, 10)
    assert name == "CIFAR-10 (JPEG), 50 images"


def test_a_file_of_another_kind_is_said(tmp_path):
    np.savez(tmp_path / "odd.npz", a=np.zeros(3))
    with pytest.raises(DataProblem, match=r"odd.npz cannot be read as an .npz of JPEG files"):
        training_data.load(tmp_path / "odd.npz", None)


class Colours(nn.Module):
    """Learns the stand-in images' tint in no time."""

    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(3, 10)

    def forward(self, x):
        return self.linear(x.mean(dim=(2, 3)))


class Other(Colours):
    """As the other one, but for what it is trained to."""

    def forward(self, x):
        return super().forward(x).roll(1, 1)


def fails(*_):
    raise RuntimeError("no network | today\nor tomorrow")


@pytest.fixture
def quick(monkeypatch, tmp_path):
    """Small networks in place of ResNets, and a file of its own to write to."""
    source = dict.fromkeys((*RIGHT, *ONCE), Colours) | dict.fromkeys(WRONG[1:], Colours) | {WRONG[0]: fails}

    class Small:
        def __init__(self, name):
            self.name = name

        def __enter__(self):
            return source[self.name]

        def __exit__(self, *_):
            pass

    for module in (training_runs, tutorial_recipe):
        monkeypatch.setattr(module, "builder", Small)
    file = shutil.copy(budgets.FILE, tmp_path / "budgets.json")
    monkeypatch.setattr(tutorial_recipe, "WORKERS", 0)
    return source, file


def test_it_measures_prints_and_writes(quick, capsys):
    _, file = quick
    assert calibrate_training.main(["--device", "cpu", "--seeds", "7", "--wrong", "7", "--write"], file) == 0
    said = capsys.readouterr().out
    tiny = budgets.load_budget("tiny", file)
    assert tiny.study.freedom == 6
    assert tiny.study.data == "stand-in images, 128"
    assert tiny.study.hardware.endswith(f"torch {torch.__version__}")
    for other in ("full", "short"):
        assert budgets.load_budget(other, file) == budgets.load_budget(other)
    assert "over 7 trainings" in said
    assert "| solution | 7 |" in said
    assert f"| {WRONG[0]} | 0.00% | not trained: RuntimeError: no network \\| today |" in said
    accuracies = [float(line.split("|")[2].strip(" %")) for line in said.splitlines() if line.startswith("| q")]
    assert len(accuracies) == 7
    low = [line for line in said.splitlines() if line.split(" ")[0] in MUST_FAIL]
    assert len(low) == len(MUST_FAIL) + calibrate_training.FLOOR_SEEDS - 1, "the best is trained several times"
    best = max(float(line.split()[3].strip("%")) for line in low)
    assert tiny.floor == pytest.approx(best / 100, abs=1e-4)
    assert best >= max(accuracies[: len(MUST_FAIL)])
    assert f"| floor | {tiny.floor:.1%}: " in said
    assert "| bound of a machine like this one | **" in said
    assert len([line for line in said.splitlines() if line.startswith(("| 1 | ", "| 2 | "))]) == 2


def test_runs_that_are_kept_are_not_made_again(quick, capsys, tmp_path):
    source, file = quick
    options = ["--device", "cpu", "--seeds", "6", "--wrong", "1", "--runs", str(tmp_path / "runs")]
    assert calibrate_training.main(options, file) == 0
    first = capsys.readouterr().out
    assert len((tmp_path / "runs").read_text().splitlines()) == 7
    source["solution"] = Other
    assert calibrate_training.main([*options, "--seeds", "8"], file) == 0
    again = capsys.readouterr().out
    assert again.splitlines()[:6] == first.splitlines()[:6]
    assert len((tmp_path / "runs").read_text().splitlines()) == 9
    assert "| epoch | while training |" in again
    assert (
        calibrate_training.main([*options, "--recipe", "epochs=1", "peak_lr=0.01"], file) == 0
    )  # another recipe: all anew
    assert "| epoch |" not in capsys.readouterr().out
    assert len((tmp_path / "runs").read_text().splitlines()) == 16


def test_every_right_network_is_trained_on_real_images(quick, capsys, tmp_path):
    _, file = quick
    options = ["--device", "cpu", "--data", str(jpegs(tmp_path / "data.npz")), "--seeds", "20", "--wrong", "6"]
    assert calibrate_training.main([*options, "--write"], file) == 0
    said = capsys.readouterr().out
    measured = budgets.load_budget("short", file)
    assert "| data | CIFAR-10 (JPEG) |" in said
    assert f"| {measured.recipe.in_words()}, {measured.recipe.optimizer}, " in said
    assert "| solution | 4 |" in said
    assert all(f"| {name} | {4 if name == RIGHT[1] else 3} |" in said for name in RIGHT[1:])
    assert all(f"| {name} | 1 |" in said for name in ONCE)
    assert (measured.study.freedom, measured.study.data) == (20 + len(ONCE) - 1, "CIFAR-10 (JPEG)")
    assert budgets.load_budget("full", file) == budgets.load_budget("full")


def test_a_few_networks_are_trained_with_the_budget_that_is_named(quick, capsys, tmp_path, monkeypatch):
    _, file = quick
    budget = budgets.load_budget("short", file)
    full = dataclasses.replace(budgets.load_budget("full", file), recipe=dataclasses.replace(budget.recipe, epochs=2))
    monkeypatch.setattr(budgets, "load_budget", lambda name, file: full if name == "full" else budget)
    runs = tmp_path / "runs"
    options = ["--device", "cpu", "--data", str(jpegs(tmp_path / "data.npz")), "--budget", "full", "--runs", str(runs)]
    assert calibrate_training.main([*options, "--seeds", "3", "--only", "solution", "q3_two_layers"], file) == 0
    lines = [json.loads(line) for line in runs.read_text().splitlines()]
    assert [line["run"]["network"] for line in lines] == ["solution"] * 3 + ["q3_two_layers"]
    assert {line["circumstances"]["recipe"] for line in lines} == {str(full.recipe)}
    assert "| solution | 3 |" in capsys.readouterr().out


def test_a_right_network_that_raises_is_no_measurement(quick, capsys):
    source, file = quick
    source["solution"] = fails
    assert calibrate_training.main(["--device", "cpu", "--seeds", "6", "--write"], file) == 1
    assert "solution is right, but its training ended with RuntimeError: no network" in capsys.readouterr().err
    assert file.read_text() == budgets.FILE.read_text()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--device", "cpu", "--seeds", "5"], "--seeds must be at least 6"),
        (["--device", "cpu", "--data", "x", "--images", "10"], "--images must be at least 50"),
        (["--device", "cpu", "--images", "100"], "--images needs --data"),
        (["--device", "cpu", "--data", "x", "--images", "100", "--write"], "this is a trial"),
        (["--device", "cpu", "--data", "x", "--recipe", "epochs=1", "--write"], "this is a trial"),
        (["--device", "cpu", "--recipe", "epoch=1"], "--recipe epoch=1: a recipe has epochs, batch_size"),
        (["--device", "cpu", "--recipe", "epochs=x"], "--recipe epochs=x: epochs takes a number"),
        (["--device", "cpu", "--data", "x", "--seeds", "11", "--write"], "at least 12 --seeds"),
        (["--device", "cpu", "--data", "x", "--wrong", "5", "--write"], "at least 6 --wrong"),
        (["--device", "cpu", "--data", "/nowhere"], "there is no folder /nowhere"),
        (["--device", "cpu", "--budget", "full", "--data", "/nowhere"], "there is no folder /nowhere"),
        (["--device", "cpu", "--only", "solutoin"], "--only solutoin: the networks are solution, initialised_by_apply"),
        (["--device", "cpu", "--only", "q3_table", "--seeds", "3"], "--only needs one of solution, initialised_by"),
        (["--device", "cpu", "--only", "solution", "--seeds", "1"], "with at least 2 --seeds"),
        (["--device", "cpu", "--only", "solution", "--write"], "leave out --images, --recipe and --only"),
    ],
)
def test_wrong_options_are_one_line(quick, capsys, arguments, words):
    assert calibrate_training.main(arguments) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1


def test_spreads_that_count_come_from_enough_trainings_on_cifar(quick, capsys, monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert calibrate_training.main(["--seeds", "11", "--write"]) == 2
    assert "at least 12 --seeds" in capsys.readouterr().err
    root = utils.make_standin(tmp_path / "standin", 50, 20)
    assert calibrate_training.main(["--data", str(root), "--write"]) == 2
    assert "these are stand-in images" in capsys.readouterr().err


def test_without_a_gpu_it_says_so(quick, capsys, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert calibrate_training.main(["--device", "cuda"]) == 2
    assert "there is no CUDA GPU here" in capsys.readouterr().err


def test_a_curve_has_every_epoch_and_the_tutorial_is_timed(quick):
    data, _ = training_data.standin()
    recipe = budgets.load_budget("tiny").recipe
    curve = training_runs.watch("solution", data, recipe, torch.device("cpu"), 0)
    assert len(curve) == recipe.epochs
    assert all(0 <= value <= 1 for pair in curve for value in pair)
    history, seconds = tutorial_recipe.time_to(2.0, data, torch.device("cpu"), 3)
    assert len(history) == 3
    assert seconds > 0
    history, _ = tutorial_recipe.time_to(0.001, data, torch.device("cpu"), 3)
    assert len(history) == 1
