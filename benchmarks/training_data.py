"""Images for the calibration: CIFAR-10, a copy of it in JPEG files, or generated images."""

import io
import tempfile
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

import utils
from autograder.training.cifar10 import Cifar10, DataProblem, load_cifar10

STANDIN_IMAGES = (128, 150)
"""Number of generated training images and held-out images."""


def load(given: Path | None, images: int | None) -> tuple[Cifar10, str]:
    """Read the data; return it with its name.

    Args:
        given: a folder with the official python version, or an .npz of JPEG files (see `_load_jpeg`); $CIFAR10_ROOT
            when None.
        images: how many training images to keep, and a fifth as many held out; all when None. At least 50.

    Raises:
        DataProblem: it cannot be read.
    """
    if given is not None and given.suffix == ".npz":
        data, name = _load_jpeg(given, images), "CIFAR-10 (JPEG)"
    else:
        data = load_cifar10(given)
        name = "stand-in images" if data.standin else "CIFAR-10" if data.published else "another copy of CIFAR-10"
    if images is None:
        return data, name
    train, test = images, images // 5
    parts = data.train_images[:train], data.train_labels[:train], data.test_images[:test], data.test_labels[:test]
    return Cifar10(*parts, data.standin, data.published), f"{name}, {len(parts[0]):,} images"


class Pictures(Dataset):
    """A dataset of images in memory with the notebook's transform, for training (`augment`) or testing."""

    def __init__(self, images: Tensor, labels: Tensor, augment: bool = False):
        self._images, self._labels = images.permute(0, 2, 3, 1).contiguous().numpy(), labels.tolist()
        self._transform = utils.image_transform(augment)

    def __len__(self) -> int:
        return len(self._labels)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self._transform(Image.fromarray(self._images[index])), self._labels[index]


def standin() -> tuple[Cifar10, str]:
    """Return a few generated images, always the same."""
    with tempfile.TemporaryDirectory() as folder:
        data = load_cifar10(utils.make_standin(folder, *STANDIN_IMAGES))
    return data, f"stand-in images, {STANDIN_IMAGES[0]}"


def _load_jpeg(path: Path, images: int | None) -> Cifar10:
    """Read the arrays `train_bytes` (concatenated JPEG files), `train_offsets`, `train_labels`; the same for `test`."""
    try:
        with np.load(path, allow_pickle=False) as arrays:
            train, test = (_decode(arrays, part, images) for part in ("train", "test"))
    except (OSError, KeyError, ValueError) as error:
        raise DataProblem(f"{path} cannot be read as an .npz of JPEG files ({error})") from None
    return Cifar10(*train, *test, standin=False)


def _decode(arrays: np.lib.npyio.NpzFile, part: str, images: int | None) -> tuple[Tensor, Tensor]:
    """Decode all images of a part, or the first `images` of them."""
    data, offsets, labels = (arrays[f"{part}_{name}"] for name in ("bytes", "offsets", "labels"))
    offsets = offsets if images is None else offsets[: images + 1]
    pictures = np.empty((len(offsets) - 1, 32, 32, 3), np.uint8)
    for index, (first, end) in enumerate(pairwise(offsets)):
        pictures[index] = Image.open(io.BytesIO(data[first:end].tobytes())).convert("RGB")
    labels = torch.from_numpy(labels[: len(pictures)].astype(np.int64))
    return torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous(), labels
