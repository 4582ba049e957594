"""CIFAR-10 for the notebook: download, data loaders, images."""

import http.client
import os
import pickle
import shutil
import tempfile
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock
from torch import Tensor
from torch.utils.data import DataLoader
from torchvision import datasets, transforms
from torchvision.datasets.utils import check_integrity, extract_archive
from tqdm.auto import tqdm

URL, ARCHIVE_MD5, FOLDER = datasets.CIFAR10.url, datasets.CIFAR10.tgz_md5, datasets.CIFAR10.base_folder
META_FILE = datasets.CIFAR10.meta["filename"]
MD5 = dict([*datasets.CIFAR10.train_list, *datasets.CIFAR10.test_list, (META_FILE, datasets.CIFAR10.meta["md5"])])
"""The files of `FOLDER` with their checksums."""
STANDIN_MARK = "STAND-IN.txt"
"""A folder with this file holds generated images instead of CIFAR-10; they have no checksums."""

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
"""Of each colour channel. STD is the mean of the standard deviations of single images, as in much CIFAR-10 code; over
all pixels together they are 0.247, 0.243 and 0.262."""
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


class DataError(RuntimeError):
    """CIFAR-10 is missing or damaged; `str()` is one line that says what to do."""


def download_cifar10(root: str | Path | None = None) -> Path:
    """Return a folder that holds `cifar-10-batches-py`; download it first if it is missing or damaged.

    If the environment variable CIFAR10_ROOT is set, the copy in that folder is used and nothing is downloaded.
    Otherwise the data goes to `root` (default: `data` beside this file). Several processes may call this at once: one
    downloads, the others wait. The archive is verified and unpacked in a temporary folder, so an interrupted download
    leaves nothing behind.

    Raises:
        DataError: there is no complete copy and the download failed.
    """
    if given := os.environ.get("CIFAR10_ROOT"):
        return _find_copy(Path(given).expanduser())
    root = Path(root) if root is not None else Path(__file__).resolve().parent / "data"
    root.mkdir(parents=True, exist_ok=True)
    with FileLock(root / ".cifar10.lock"):
        if problem := find_problem(root / FOLDER):
            if (root / FOLDER).exists():
                print(f"{root / FOLDER}: {problem}; downloading it again")
            _download(root)
    return root


def _find_copy(given: Path) -> Path:
    root = given.parent if given.name == FOLDER else given
    if problem := find_problem(root / FOLDER):
        raise DataError(
            f"CIFAR10_ROOT is {given}, but {problem}. Point it to the folder that holds {FOLDER}, or unset it "
            "to download the data."
        )
    return root


def find_problem(folder: Path) -> str:
    """Say what is wrong with a folder `cifar-10-batches-py`; "" when it is complete."""
    if not folder.is_dir():
        return f"there is no folder {folder}"
    missing = [name for name in MD5 if not (folder / name).is_file()]
    if missing:
        return f"{folder} lacks {', '.join(missing)}"
    if is_standin(folder.parent):
        return ""
    damaged = [name for name, md5 in MD5.items() if not check_integrity(folder / name, md5)]
    return f"the checksum of {', '.join(damaged)} in {folder} is wrong" if damaged else ""


def is_standin(root: Path) -> bool:
    """Whether the data in `root` is generated and not CIFAR-10."""
    return (Path(root) / FOLDER / STANDIN_MARK).is_file()


def _download(root: Path) -> None:
    with tempfile.TemporaryDirectory(prefix=".cifar10-", dir=root) as scratch:
        archive = Path(scratch) / "archive.tar.gz"
        try:
            _fetch(URL, archive)
        except (OSError, http.client.HTTPException) as error:
            raise DataError(
                f"CIFAR-10 could not be downloaded from {URL} ({error}). Without internet here: run "
                "`python -c 'import utils; utils.download_cifar10()'` in this folder on a machine that has it (the "
                f"login node of a cluster), or copy {FOLDER} to {root}, or set CIFAR10_ROOT to a folder that "
                f"holds {FOLDER}."
            ) from None
        if not check_integrity(archive, ARCHIVE_MD5):
            raise DataError(f"What came from {URL} is not CIFAR-10 (wrong checksum). Try again; nothing was kept.")
        extract_archive(archive, scratch)
        if problem := find_problem(Path(scratch) / FOLDER):
            raise DataError(f"The archive is not complete: {problem}. Try again; nothing was kept.")
        if (root / FOLDER).exists():
            shutil.rmtree(root / FOLDER)
        (Path(scratch) / FOLDER).rename(root / FOLDER)


def _fetch(url: str, to: Path) -> None:
    """Download a file. (torchvision's `download_url` has no timeout, and tries plain HTTP where HTTPS fails.)"""
    with urllib.request.urlopen(url, timeout=30) as response, to.open("wb") as file:
        size = int(response.headers.get("Content-Length", 0)) or None
        with tqdm(total=size, unit="B", unit_scale=True, desc="CIFAR-10") as bar:
            while chunk := response.read(1 << 18):
                file.write(chunk)
                bar.update(len(chunk))


class Cifar10(datasets.CIFAR10):
    """torchvision's CIFAR10, or stand-in data; item i is `(transform(image), label)`, the image a PIL image.

    Args:
        root: folder that holds `cifar-10-batches-py`.
        train: the 50,000 training images, or the 10,000 test images.
        transform: from a PIL image to a tensor.

    Raises:
        DataError: files are missing or damaged, or stand-in data is not what it says.
    """

    # torchvision unpickles what has the right checksum; stand-in data has none, so this class verifies the files.
    train_list = [(name, None) for name, _ in datasets.CIFAR10.train_list]  # noqa: RUF012 - as in torchvision
    test_list = [(name, None) for name, _ in datasets.CIFAR10.test_list]  # noqa: RUF012
    meta = {**datasets.CIFAR10.meta, "md5": None}  # noqa: RUF012

    def __init__(self, root: str | Path, train: bool, transform: Callable[[Any], Any] | None = None):
        folder = Path(root) / FOLDER
        if problem := find_problem(folder):
            raise DataError(problem)
        if is_standin(root):
            for name in MD5:
                with (folder / name).open("rb") as file:
                    _DataUnpickler(file, encoding="latin1").load()
        super().__init__(root, train, transform)


class _DataUnpickler(pickle.Unpickler):
    """Builds arrays, lists and bytes, and refuses to call anything else."""

    ALLOWED = (
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        ("_codecs", "encode"),
    )

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self.ALLOWED:
            raise DataError(f"a CIFAR-10 file wants to run {module}.{name}; it is not what it says it is")
        return super().find_class(module, name)


def image_transform(augment: bool = False) -> transforms.Compose:
    """From a PIL image to a normalised tensor (3, 32, 32).

    Args:
        augment: first cut 32x32 pixels out of the image with a border of 4 black pixels, at a random place, and mirror
            every second image, as He et al. (2015, section 4.2) do.
    """
    random = [transforms.RandomCrop(32, padding=4), transforms.RandomHorizontalFlip()] if augment else []
    return transforms.Compose([*random, transforms.ToTensor(), transforms.Normalize(MEAN, STD)])


def get_loaders(
    root: str | Path,
    train_batch: int = 128,
    test_batch: int = 100,
    workers: int = 2,
    seed: int = 0,
    augment: bool = False,
) -> tuple[DataLoader, DataLoader]:
    """Return `(train_loader, test_loader)`, which yield normalised images (N, 3, 32, 32) and labels (N,).

    The training images are in another order in each epoch; the orders depend on `seed`. With `augment`, each training
    image is cropped and mirrored at random each time; test images never are.
    """
    if is_standin(Path(root)):
        print("This is stand-in data, generated for trying things out: accuracies say nothing about CIFAR-10.")
    train, test = Cifar10(root, True, image_transform(augment)), Cifar10(root, False, image_transform())
    shared = {"num_workers": workers, "pin_memory": torch.cuda.is_available()}
    generator = torch.Generator().manual_seed(seed)
    return (
        DataLoader(train, batch_size=train_batch, shuffle=True, generator=generator, **shared),
        DataLoader(test, batch_size=test_batch, shuffle=False, **shared),
    )


def make_standin(root: str | Path | None = None, n_train: int = 1000, n_test: int = 200, seed: int = 0) -> Path:
    """Write generated images in the layout of CIFAR-10 to `root`: each class has a colour and a stripe, plus noise.

    A network can learn them, so the whole notebook runs on them without internet. The default of `root` is the folder
    `data/standin` beside this file.
    """
    root = Path(root) if root is not None else Path(__file__).resolve().parent / "data" / "standin"
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    sizes = [len(part) for part in np.array_split(np.arange(n_train), 5)] + [n_test]
    for name, size in zip([f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"], sizes, strict=True):
        labels = rng.integers(0, 10, size)
        data = np.stack([_standin_image(int(label), rng) for label in labels]) if size else np.empty((0, 3, 32, 32))
        batch = {"data": data.astype(np.uint8).reshape(size, -1), "labels": labels.tolist()}
        (folder / name).write_bytes(pickle.dumps(batch, protocol=2))
    meta = {"label_names": list(CLASSES)}
    (folder / "batches.meta").write_bytes(pickle.dumps(meta, protocol=2))
    (folder / STANDIN_MARK).write_text("Generated images for trying things out; not CIFAR-10.\n")
    return root


def _standin_image(label: int, rng: np.random.Generator) -> np.ndarray:
    rows, columns = np.mgrid[0:32, 0:32]
    angle = np.pi * (label % 5) / 5
    stripes = np.sin((rows * np.cos(angle) + columns * np.sin(angle)) / 2 + rng.uniform(0, 2 * np.pi))
    tint = np.array([0.6, -0.2, -0.4]) if label < 5 else np.array([-0.4, -0.2, 0.6])
    image = 128 + 40 * stripes + 40 * tint[:, None, None] + rng.normal(0, 35, (3, 32, 32))
    return image.clip(0, 255)


def show_images(images: Tensor, labels: Sequence[int], count: int = 8) -> None:
    """Show the first `count` images of a normalised batch (N, 3, 32, 32) with the names of their classes."""
    from lab import plots  # not at the top: graders have no `lab`, and `lab` imports this module

    figure, axes = plots.new_figure(columns=count, size=(1.1 * count, 1.4))
    names = [CLASSES[int(label)] for label in labels[:count]]
    for axis in axes:
        axis.axis("off")
    for axis, image, name in zip(axes, images, names, strict=False):
        axis.imshow(to_picture(image).numpy())
        axis.set_title(name, fontsize=9)
    plots.show(figure, f"Images with the names of their classes: {', '.join(names)}.")


def to_picture(image: Tensor) -> Tensor:
    """A normalised image (3, H, W) in the form that matplotlib shows: (H, W, 3), from 0 to 1."""
    mean, std = torch.tensor(MEAN).view(3, 1, 1), torch.tensor(STD).view(3, 1, 1)
    return (image * std + mean).clamp(0, 1).permute(1, 2, 0)
