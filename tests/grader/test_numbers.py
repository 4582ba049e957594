"""Numbers in the notebook's text and in the README are those of the code."""

import re

import pytest

import utils
from autograder.contract import POINTS
from benchmarks.training_networks import SOLUTION, builder
from lab import resumable, trainer
from lab.experiments import depth
from lab.experiments.networks import layers
from tests.grader.conftest import ROOT

NUMBERS = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]


def text_of(name: str) -> str:
    """A file's text with single spaces, without the marks of comments."""
    text = (ROOT / name).read_text(encoding="utf-8")
    return " ".join(re.sub(r"^# ", "", text, flags=re.MULTILINE).split())


@pytest.fixture(scope="module")
def notebook() -> str:
    return text_of("solutions/resnet.py")


def public_checks(question: str) -> list[float]:
    """The points of a question's public checks."""
    (file,) = (ROOT / "tests" / "public").glob(f"test_{question}_*.py")
    return [float(points) for points in re.findall(r"^@pytest\.mark\.points\((\S+)\)", file.read_text(), re.MULTILINE)]


def test_sizes_of_networks(notebook):
    def weights(block) -> int:
        return sum(p.numel() for p in block.parameters() if p.dim() == 4)

    with builder(SOLUTION) as build:
        names = build.__globals__
        basic, narrow = weights(names["BasicBlock"](256, 256)), weights(names["Bottleneck"](256, 64))
        parameters = sum(p.numel() for p in names["ResNet18"]().parameters())
    assert f"the basic block have {basic:,} weights, those of the bottleneck {narrow:,}" in notebook
    assert f"That is {basic / narrow:.0f} times fewer" in notebook
    assert f"= {basic / narrow:.1f}$" in notebook
    assert f"ResNet-18 in this form has {parameters:,}." in notebook


def test_data_and_training(notebook):
    assert (
        f"subtract its mean {utils.MEAN}, divide by {utils.STD[0]}, {utils.STD[1]:.4f} or {utils.STD[2]:.4f}"
        in notebook
    )
    recipe = f"learning rate {trainer.LEARNING_RATE}, momentum {trainer.MOMENTUM} and weight decay"
    assert f"{recipe} {trainer.WEIGHT_DECAY:.4f}, and a learning rate that falls along a cosine over" in notebook
    assert f"over {trainer.COSINE_EPOCHS} epochs" in notebook
    assert f"trains a small network on {resumable.QUICK_IMAGES:,} images" in notebook
    assert "is two pages" in notebook
    assert len((ROOT / "lab" / "trainer.py").read_text().splitlines()) <= 130


def test_experiment_on_depth(notebook):
    count, first, last = 2 * len(depth.DEPTHS), layers(depth.DEPTHS[0]), layers(depth.DEPTHS[-1])
    said = (
        f"{NUMBERS[count].title()} narrow networks of {first} to {last} layers train on the same batches for the same"
    )
    assert f"{said} {depth.STEPS} steps" in notebook
    assert f"random guessing has {depth.RANDOM_GUESSING:.1f}" in notebook


def test_points(notebook):
    readme, points = text_of("README.md"), {question: public_checks(question) for question in POINTS}
    assert f"worth {sum(map(sum, points.values())):.0f} of {sum(POINTS.values()):.0f} points" in readme
    q1 = points["q1"]
    assert f"lists {NUMBERS[len(q1)]} checks that pass, {sum(q1):.0f} of {sum(q1):.0f} points" in readme
    said = re.findall(r"\((\d+) points\)", notebook)[: len(POINTS)]
    assert list(map(int, said)) == list(POINTS.values())
