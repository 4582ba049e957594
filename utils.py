"""CIFAR-10 for the notebook: download, data loaders, images."""

import contextlib
import os
import pickle
import shutil
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from filelock import FileLock, Timeout
from torch import Tensor
from torch.utils.data import DataLoader
from torchvision import datasets, transforms
from torchvision.datasets.utils import check_integrity, extract_archive

URL, ARCHIVE_MD5, FOLDER = datasets.CIFAR10.url, datasets.CIFAR10.tgz_md5, datasets.CIFAR10.base_folder
ARCHIVE = datasets.CIFAR10.filename
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


def download_cifar10(root: str | Path | None = None, url: str | None = None) -> Path:
    """Return a folder that holds `cifar-10-batches-py`; download it first if it is missing or damaged.

    The data goes to `root` (default: `data` beside this file). If `cifar-10-python.tar.gz` is there, it is unpacked and
    nothing is downloaded. The environment variable CIFAR10_ROOT names a folder with a copy, or with that archive, which
    is used instead. Several processes may call this at once: one downloads, the others wait. A download that breaks off
    is continued, also by a later call; a copy that is not complete is never left behind.

    Args:
        url: address of the archive; default: the environment variable CIFAR10_URL, or the one of CIFAR-10's authors.

    Raises:
        DataError: there is no complete copy, and none could be made.
    """
    root = Path(root) if root is not None else Path(__file__).resolve().parent / "data"
    archive = root / ARCHIVE
    if given := os.environ.get("CIFAR10_ROOT"):
        given = Path(given).expanduser()
        copy = given.parent if given.name == FOLDER else given
        if not (problem := find_problem(copy / FOLDER)):
            return copy
        archive = given if given.is_file() else given / ARCHIVE
        if not archive.is_file():
            raise DataError(
                f"CIFAR10_ROOT is {given}, but {problem}. Point it to the folder that holds {FOLDER} or {ARCHIVE}, or "
                "unset it to download the data."
            )
    if find_problem(root / FOLDER):
        with _writing_to(root):
            root.mkdir(parents=True, exist_ok=True)
            with _locked(root):
                _make_copy(root, archive, url or os.environ.get("CIFAR10_URL") or URL)
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
    try:
        changed = changed_files(folder)
    except OSError as error:
        return f"{error.filename} cannot be read ({error.strerror})"
    return f"the checksum of {', '.join(changed)} in {folder} is wrong" if changed else ""


def changed_files(folder: Path) -> list[str]:
    """Names of the files in `cifar-10-batches-py` that are not as published; raises `OSError`."""
    return [name for name, md5 in MD5.items() if not check_integrity(folder / name, md5)]


def is_standin(root: Path) -> bool:
    """Whether the data in `root` is generated and not CIFAR-10."""
    return (Path(root) / FOLDER / STANDIN_MARK).is_file()


@contextlib.contextmanager
def _writing_to(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise DataError(
            f"CIFAR-10 cannot be written to {folder}: {error.strerror or error}. It takes 350 MB. Make room there, or "
            'choose another folder with download_cifar10("FOLDER").'
        ) from None


@contextlib.contextmanager
def _locked(root: Path) -> Iterator[None]:
    lock = FileLock(root / ".cifar10.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f"Another process is getting CIFAR-10 into {root}. Waiting for it.")
        lock.acquire()
    try:
        yield
    finally:
        lock.release()


def _make_copy(root: Path, archive: Path, url: str) -> None:
    """Unpack the archive, downloaded if it is not there, to `root`."""
    if not (problem := find_problem(root / FOLDER)):
        return  # another process made it
    for scraps in root.glob(".cifar10-*"):  # of a process that was killed
        shutil.rmtree(scraps, ignore_errors=True)
    downloaded = root / ".cifar10.part.tar.gz"
    if archive.is_file():
        if not check_integrity(archive, ARCHIVE_MD5):
            raise DataError(
                f"{archive} is damaged (wrong checksum): fetch it again, or delete it to download the data."
            )
    else:
        if (root / FOLDER).exists():
            print(f"{root / FOLDER}: {problem}; downloading it again")
        archive = downloaded
        _fetch(url, archive)
        if not check_integrity(archive, ARCHIVE_MD5):
            archive.unlink()
            raise DataError(f"What came from {url} is not CIFAR-10 (wrong checksum). Try again; nothing was kept.")
    with tempfile.TemporaryDirectory(prefix=".cifar10-", dir=root) as scratch:
        extract_archive(archive, scratch)
        downloaded.unlink(missing_ok=True)
        if problem := find_problem(Path(scratch) / FOLDER):
            raise DataError(f"The archive is not complete: {problem}. Try again; nothing was kept.")
        if (root / FOLDER).exists():
            shutil.rmtree(root / FOLDER)
        (Path(scratch) / FOLDER).rename(root / FOLDER)


def _fetch(url: str, to: Path) -> None:
    from lab.download import DownloadFailed, download  # here, because graders have utils.py without lab/

    try:
        download(url, to, "CIFAR-10")
    except DownloadFailed as error:
        raise DataError(
            f"CIFAR-10 could not be downloaded from {url}: {error} On a machine with internet (the login node of a "
            "cluster), run `python -c 'import utils; utils.download_cifar10()'` in this folder; or set CIFAR10_ROOT to "
            f"a folder that holds {FOLDER} or {ARCHIVE}, or CIFAR10_URL to another address of that archive."
        ) from None


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
                    DataUnpickler(file, encoding="latin1").load()
        super().__init__(root, train, transform)


class DataUnpickler(pickle.Unpickler):
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
