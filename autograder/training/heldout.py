"""CIFAR-10 as an exam: held-out images whose labels only the grader has, and which cannot be looked up.

The test labels of CIFAR-10 are public. So the held-out images are not the published ones: each is shifted, flipped,
changed in brightness and contrast and given noise, all by a secret draw, and the ten classes are renumbered. A table of
the published images and labels matches none of them, and its labels mean nothing. A trained network loses little
accuracy: it was trained on shifted and flipped images, and the noise is weaker than JPEG artefacts.

Only the grader's own process uses this, never one that runs student code.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

import utils
from autograder.training.cifar10 import Cifar10
from autograder.training.inside.pixels import reduce, shift_and_flip

SHIFT = 2
"""Pixels by which a held-out image is shifted at most: half of the shift in training."""
BRIGHTNESS, CONTRAST = 0.05, 0.05
"""Brightness changes by at most this share of white, contrast by this share of itself."""
NOISE = (2.0, 4.0)
"""Each image's noise has a standard deviation between these, in steps of 1/255."""


class Confusion(NamedTuple):
    """Two classes that are confused with each other `count` times, in either direction."""

    one: str
    other: str
    count: int

    def __str__(self) -> str:
        return f"{self.one} and {self.other} ({self.count} images)"


@dataclass(eq=False)
class Exam:
    """Training images, held-out images and their labels for one training; made by `draw`.

    Args:
        train_images: uint8 (N, 3, H, W), as published or reduced.
        train_labels: int64 (N,), renumbered.
        heldout_images: uint8 (M, 3, H, W), changed and in a new order. Send them when the training is over.
    """

    train_images: Tensor = field(repr=False)
    train_labels: Tensor = field(repr=False)
    heldout_images: Tensor = field(repr=False)
    _answers: Tensor = field(repr=False)
    _names: tuple[str, ...] = field(repr=False)
    """Class names by new number."""

    @classmethod
    def draw(cls, data: Cifar10, seed: int, heldout: int | None = None) -> "Exam":
        """Draw an exam; the same seed always gives the same one.

        Args:
            data: what to draw from.
            seed: at least 0, and secret. A training process learns the new numbers, so it could find a seed of only 32
                bits by trying all of them; take 64 or more.
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
            reduce(distort(data.test_images[order], for_images), data.train_images.shape[-1]),
            renumbered[data.test_labels[order]],
            names,
        )

    def accuracy(self, logits: Tensor) -> float:
        """The share of held-out images that (M, 10) logits classify correctly.

        A row with a value that is not finite is wrong.

        Raises:
            ValueError: the logits have another shape.
        """
        return float((self._predict(logits) == self._answers).double().mean())

    def worst_confusions(self, logits: Tensor, most: int = 3) -> list[Confusion]:
        """The pairs of classes that are confused most often, worst first; fewer where fewer are confused.

        Raises:
            ValueError: the logits are not (M, 10).
        """
        predicted, classes = self._predict(logits), len(self._names)
        clear = predicted >= 0
        table = torch.bincount(self._answers[clear] * classes + predicted[clear], minlength=classes**2)
        table = table.view(classes, classes)
        both = (table + table.T).triu(diagonal=1).flatten()
        worst = both.sort(descending=True, stable=True).indices[:most].tolist()
        return [
            Confusion(self._names[pair // classes], self._names[pair % classes], int(both[pair]))
            for pair in worst
            if both[pair]
        ]

    def _predict(self, logits: Tensor) -> Tensor:
        """The predicted class of each row of logits, (M,); -1 where a value is not finite."""
        expected = (len(self._answers), len(self._names))
        if tuple(logits.shape) != expected:
            raise ValueError(f"logits must have the shape {expected}, not {tuple(logits.shape)}")
        return logits.argmax(dim=1).where(logits.isfinite().all(dim=1), -1)


def distort(images: Tensor, random: np.random.Generator) -> Tensor:
    """Shift and flip uint8 (M, 3, H, W) images, change brightness and contrast, and add noise."""
    count = len(images)
    down, right = torch.from_numpy(random.integers(-SHIFT, SHIFT, (2, count), endpoint=True))
    flip = torch.from_numpy(random.integers(2, size=count).astype(bool))
    pixels = shift_and_flip(images, torch.arange(count), down, right, flip).contiguous().float()
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
