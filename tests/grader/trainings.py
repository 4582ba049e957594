"""What tests of the training share: a small exam on stand-in data, submissions that learn it, a recipe for a CPU."""

from pathlib import Path

import torch
from torch import Tensor

from autograder.sandbox.limits import MIB, TrainingLimits
from autograder.submission import Slice, read_submission, slice_submission
from autograder.training.budgets import Budget
from autograder.training.cifar10 import Cifar10
from autograder.training.context import TrainingSetup
from autograder.training.heldout import Exam
from autograder.training.inside.fit import Recipe
from autograder.training.train_confined import Trained, train_confined

RECIPE = Recipe(epochs=6, batch_size=64, peak_lr=0.1, side=16)
LIMITS = TrainingLimits(
    import_seconds=10, fit_seconds=20, silent_seconds=5, predict_seconds=5, memory_bytes=512 * MIB, reply_bytes=64 * MIB
)
THRESHOLD = 0.5
SMALL = """
import torch
from torch import nn


class BasicBlock(nn.Module):
    expansion = 1


class Bottleneck(nn.Module):
    expansion = 4


class ResNet(nn.Sequential):
    def __init__(self, *_):
        super().__init__(
            nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10)
        )
        {init}

    def forward(self, x):
        {before}
        logits = super().forward(x)
        {after}
        return logits


def ResNet18():
    {build}
    return ResNet(BasicBlock, [2, 2, 2, 2])
"""
"""No ResNet at all, but one that learns colours in a second."""


def colours(count: int, seed: int) -> tuple[Tensor, Tensor]:
    """Images whose class is their colour, and the classes."""
    generator = torch.Generator().manual_seed(seed)
    labels = torch.randint(10, (count,), generator=generator)
    palette = torch.tensor(
        [[r, g, b] for r in (40, 215) for g in (40, 215) for b in (40, 215)] + [[128] * 3, [215, 128, 40]]
    )
    noise = torch.randint(-20, 21, (count, 3, 32, 32), generator=generator)
    return (palette[labels][:, :, None, None] + noise).to(torch.uint8), labels


def data() -> Cifar10:
    """As CIFAR-10, but few images, reduced as the recipe says, and easy."""
    return Cifar10(*colours(640, 1), *colours(200, 2), standin=True).reduced(RECIPE.side)


def exam() -> Exam:
    """An examination on these."""
    return Exam.draw(data(), 2**70 + 1)


def setup(**changes) -> TrainingSetup:
    """How to train on a CPU."""
    budget = Budget("tiny", RECIPE, trainings=2, floor=0.1, study=None)
    return TrainingSetup(**{"device": "cpu", "budget": budget, "threshold": THRESHOLD, "limits": LIMITS, **changes})


def small(init: str = "pass", before: str = "pass", after: str = "pass", build: str = "pass") -> str:
    """The source of the small network, with more lines in it."""
    return SMALL.format(init=init, before=before, after=after, build=build)


def sliced(source: str, folder: Path) -> Slice:
    """A script as a grader sees it."""
    path = folder / "submission.py"
    path.write_text(source)
    return slice_submission(read_submission(path))


def train(source: str, folder: Path, exam: Exam, **changes) -> Trained:
    """Train the network of a script, confined."""
    arguments = {"device": "cpu", "seed": 1, "limits": LIMITS, "want_state": False, **changes}
    return train_confined(sliced(source, folder), exam, RECIPE, **arguments)
