"""CIFAR-10 for training: the published files, the same images in other files, or stand-in data for tests.

Only the grader's own process uses this, never one that runs student code.
"""

import os
import pickle
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

import utils
from autograder.training.inside.pixels import reduce

IMAGES = (50_000, 10_000)
"""Training images and test images, a tenth of them of each class (Krizhevsky 2009, section 3.1)."""
UNREADABLE = (OSError, utils.DataError, pickle.UnpicklingError, EOFError, LookupError, TypeError, ValueError)


class DataProblem(Exception):
    """CIFAR-10 is not available here; `str()` is one line that says what to do."""


@dataclass(frozen=True, eq=False)
class Cifar10:
    """The data set. Images are uint8 (N, 3, 32, 32), labels int64 (N,).

    Training images may be reduced; held-out images are reduced to the same size when they are drawn, after their
    changes.

    Args:
        standin: whether the images are generated, for tests: accuracies say nothing about CIFAR-10.
        published: False where they are another copy of the published images.
    """

    train_images: Tensor = field(repr=False)
    train_labels: Tensor = field(repr=False)
    test_images: Tensor = field(repr=False)
    test_labels: Tensor = field(repr=False)
    standin: bool
    published: bool = True

    def reduced(self, side: int) -> "Cifar10":
        """The same data set with training images of (N, 3, side, side)."""
        return replace(self, train_images=reduce(self.train_images, side))


def load_cifar10(root: Path | None = None) -> Cifar10:
    """Read the published files, checksums verified; the same images in other files; or stand-in data.

    A course may have its own copy, such as one of JPEG images. Where no file has its checksum, it is no damaged
    download. What it must have is the layout, and as many images of each class.

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
    problem, files = utils.find_problem(folder / utils.FOLDER), folder / utils.FOLDER
    published = not problem
    if problem and not _is_another_copy(files):
        raise DataProblem(f"{problem}: set CIFAR10_ROOT to the folder that holds a complete {utils.FOLDER}")
    try:
        if published:
            train, test = (_tensors(utils.Cifar10(folder, train)) for train in (True, False))
        else:
            train, test = _read_another_copy(files)
    except UNREADABLE as error:
        raise DataProblem(f"{files} cannot be read ({type(error).__name__}: {error})") from None
    return Cifar10(*train, *test, standin=utils.is_standin(folder), published=published)


def _tensors(part: utils.Cifar10) -> tuple[Tensor, Tensor]:
    images = torch.from_numpy(part.data).permute(0, 3, 1, 2).contiguous()
    return images, torch.tensor(part.targets, dtype=torch.int64)


def _is_another_copy(folder: Path) -> bool:
    """Whether all files are there, and none has its checksum."""
    try:
        return all((folder / name).is_file() for name in utils.MD5) and [*utils.MD5] == utils.changed_files(folder)
    except OSError:  # one cannot be read, which is a problem of its own
        return False


def _read_another_copy(folder: Path) -> list[tuple[Tensor, Tensor]]:
    """Images and labels for training, and for testing; raises one of `UNREADABLE` where they are not CIFAR-10's."""
    names = [_text(name) for name in _fields(folder / utils.META_FILE)["label_names"]]
    if tuple(names) != utils.CLASSES:
        raise ValueError(f"the classes are {', '.join(names)}, and not those of CIFAR-10")
    parts = []
    files = [name for name in utils.MD5 if name != utils.META_FILE]
    for of, count in zip((files[:-1], files[-1:]), IMAGES, strict=True):
        batches = [_fields(folder / name) for name in of]
        pixels = np.concatenate([batch["data"] for batch in batches])
        labels = torch.tensor([label for batch in batches for label in batch["labels"]], dtype=torch.int64)
        if pixels.dtype != np.uint8 or pixels.shape != (count, 3 * 32 * 32):
            raise ValueError(f"{', '.join(of)} should hold {count:,} rows of 3072 bytes, not {pixels.shape}")
        if labels.bincount(minlength=10).tolist() != [count // 10] * 10:
            raise ValueError(f"{', '.join(of)} should hold {count // 10:,} labels of each class")
        parts.append((torch.from_numpy(pixels).view(-1, 3, 32, 32), labels))
    return parts


def _fields(file: Path) -> dict[str, Any]:
    """What a file holds, by name; Python 2 wrote the published names, Python 3 may write them as bytes."""
    with file.open("rb") as opened:
        held = utils.DataUnpickler(opened, encoding="latin1").load()
    return {_text(name): value for name, value in dict(held).items()}


def _text(name: str | bytes) -> str:
    return name.decode("latin1") if isinstance(name, bytes) else name
