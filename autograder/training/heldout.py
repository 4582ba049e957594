"""CIFAR-10 as an examination: images whose answers only the grader has, and which nobody can look up.

The test labels of CIFAR-10 are public. So the held-out images are not the published ones: each is moved, mirrored,
made a little brighter or darker and sprinkled with noise, all by a secret draw, and the ten classes get new numbers. A
table that says which label belongs to which published image knows none of them, and its labels mean nothing. A network
that has learnt hardly notices: moved and mirrored images are what it was trained on, and the noise is fainter than
that of a JPEG file.

Only the grader's own process uses this, never one that runs student code.
"""

import os
import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

import utils
from autograder.training.inside.pixels import moved

SHIFT = 2
"""Pixels by which a held-out image is moved at most: half of what images are moved by in the training."""
BRIGHTNESS, CONTRAST = 0.05, 0.05
"""Brightness changes by at most this share of white, contrast by this share of itself."""
NOISE = (2.0, 4.0)
"""Each image's noise has a standard deviation between these, in steps of 1/255."""


class DataProblem(Exception):
    """CIFAR-10 cannot be had here; `str()` is one line that says what to do."""


@dataclass(frozen=True, eq=False)
class Cifar10:
    """The data set. Images are uint8 (N, 3, 32, 32), labels int64 (N,).

    `standin` says that the images are generated, for trying things out: accuracies say nothing about CIFAR-10.
    """

    train_images: Tensor = field(repr=False)
    train_labels: Tensor = field(repr=False)
    test_images: Tensor = field(repr=False)
    test_labels: Tensor = field(repr=False)
    standin: bool


class Confusion(NamedTuple):
    """Two classes that are taken for each other `count` times, in whichever direction."""

    one: str
    other: str
    count: int

    def __str__(self) -> str:
        return f"{self.one} and {self.other} ({self.count} images)"


def load_cifar10(root: Path | None = None) -> Cifar10:
    """Read the official python version of CIFAR-10, checksums verified; or stand-in data in its layout.

    Args:
        root: the folder that holds `cifar-10-batches-py`, or that folder; $CIFAR10_ROOT when None.

    Raises:
        DataProblem: there is no such folder, or its files are not what they should be.
    """
    given = root or os.environ.get("CIFAR10_ROOT")
    if not given:
        raise DataProblem(f"CIFAR-10 is needed: set CIFAR10_ROOT to the folder that holds {utils.FOLDER}")
    folder = Path(given).expanduser()
    folder = folder.parent if folder.name == utils.FOLDER else folder
    if problem := utils.find_problem(folder / utils.FOLDER):
        raise DataProblem(f"{problem}: set CIFAR10_ROOT to the folder that holds a complete {utils.FOLDER}")
    try:
        train, test = (_tensors(utils.Cifar10(folder, train)) for train in (True, False))
    except (OSError, utils.DataError, pickle.UnpicklingError, EOFError, LookupError, TypeError, ValueError) as error:
        raise DataProblem(f"{folder / utils.FOLDER} cannot be read ({type(error).__name__}: {error})") from None
    return Cifar10(*train, *test, standin=utils.is_standin(folder))


def _tensors(part: utils.Cifar10) -> tuple[Tensor, Tensor]:
    images = torch.from_numpy(part.data).permute(0, 3, 1, 2).contiguous()
    return images, torch.tensor(part.targets, dtype=torch.int64)


@dataclass(eq=False)
class Exam:
    """What one training is given, and what it is judged by; made by `draw`.

    Args:
        train_images: uint8 (N, 3, 32, 32), as published.
        train_labels: int64 (N,), by the new numbers.
        heldout_images: uint8 (M, 3, 32, 32), changed and in a new order. Hand them out when the training is over.
    """

    train_images: Tensor = field(repr=False)
    train_labels: Tensor = field(repr=False)
    heldout_images: Tensor = field(repr=False)
    _answers: Tensor = field(repr=False)
    _names: tuple[str, ...] = field(repr=False)
    """The classes by their new numbers."""

    @classmethod
    def draw(cls, data: Cifar10, seed: int, heldout: int | None = None) -> "Exam":
        """Draw an examination; the same seed always gives the same one.

        Args:
            data: what to draw from.
            seed: at least 0, and secret. What a training sees tells the new numbers, so a seed of only 32 bits could
                be found by trying them all; take 64 or more.
            heldout: how many images to hold out; all of the test images when None.
        """
        for_classes, for_order, for_images = (
            np.random.default_rng(part) for part in np.random.SeedSequence(seed).spawn(3)
        )
        number = for_classes.permutation(len(utils.CLASSES))  # of each class
        order = torch.from_numpy(for_order.permutation(len(data.test_labels)))[:heldout]
        renumbered = torch.from_numpy(number)
        names = tuple(utils.CLASSES[old] for old in np.argsort(number))
        return cls(
            data.train_images,
            renumbered[data.train_labels],
            changed(data.test_images[order], for_images),
            renumbered[data.test_labels[order]],
            names,
        )

    def accuracy(self, logits: Tensor) -> float:
        """The share of held-out images whose largest of (M, 10) logits is the right one.

        A row with a number that is not finite is wrong.

        Raises:
            ValueError: the logits have another shape.
        """
        return float((self._said(logits) == self._answers).double().mean())

    def worst_confusions(self, logits: Tensor, most: int = 3) -> list[Confusion]:
        """The pairs of classes that are mixed up most, worst first; shorter where fewer are.

        Raises:
            ValueError: the logits are not (M, 10).
        """
        said, classes = self._said(logits), len(self._names)
        clear = said >= 0
        table = torch.bincount(self._answers[clear] * classes + said[clear], minlength=classes**2)
        table = table.view(classes, classes)
        both = (table + table.T).triu(diagonal=1).flatten()
        worst = both.sort(descending=True, stable=True).indices[:most].tolist()
        return [
            Confusion(self._names[pair // classes], self._names[pair % classes], int(both[pair]))
            for pair in worst
            if both[pair]
        ]

    def _said(self, logits: Tensor) -> Tensor:
        """The class that each row of logits names, (M,); -1 where a number is not finite."""
        expected = (len(self._answers), len(self._names))
        if tuple(logits.shape) != expected:
            raise ValueError(f"logits must have the shape {expected}, not {tuple(logits.shape)}")
        return logits.argmax(dim=1).where(logits.isfinite().all(dim=1), -1)


def changed(images: Tensor, random: np.random.Generator) -> Tensor:
    """uint8 images (M, 3, H, W) as nobody has published them: moved, mirrored, lightened or darkened, with noise."""
    count = len(images)
    down, right = torch.from_numpy(random.integers(-SHIFT, SHIFT, (2, count), endpoint=True))
    mirrored = torch.from_numpy(random.integers(2, size=count).astype(bool))
    pixels = moved(images, torch.arange(count), down, right, mirrored).contiguous().float()
    each = (count, 1, 1, 1)
    contrast = random.uniform(1 - CONTRAST, 1 + CONTRAST, each)
    brightness = 255 * random.uniform(-BRIGHTNESS, BRIGHTNESS, each)
    deviation = random.uniform(*NOISE, each)
    noise = random.standard_normal(pixels.shape, dtype=np.float32)
    contrast, brightness, deviation, noise = (
        torch.from_numpy(part).float() for part in (contrast, brightness, deviation, noise)
    )
    pixels = (pixels - 127.5) * contrast + 127.5 + brightness + deviation * noise
    return pixels.round_().clamp_(0, 255).to(torch.uint8)
