"""Helpers of the notebook: CIFAR-10 on disk, loaders, pictures."""

import hashlib
import http.client
import io
import os
import pickle
import shutil
import tarfile
import tempfile
import urllib.request
from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import torch
from filelock import FileLock
from torch import Tensor
from torch.utils.data import DataLoader, Dataset
from torchvision import transforms
from tqdm.auto import tqdm

URL = "https://www.cs.toronto.edu/~kriz/cifar-10-python.tar.gz"
ARCHIVE_MD5 = "c58f30108f718f92721af3b95e74349a"
FOLDER = "cifar-10-batches-py"
MD5 = {
    "data_batch_1": "c99cafc152244af753f735de768cd75f",
    "data_batch_2": "d4bba439e000b95fd0a9bffe97cbabec",
    "data_batch_3": "54ebc095f3ab1f0389bbae665268c751",
    "data_batch_4": "634d18415352ddfa80567beed471001a",
    "data_batch_5": "482c414d41f54cd18b22e5b47cb7c3cb",
    "test_batch": "40351d587109b95175f43aff81a1287e",
    "batches.meta": "5ff9c542aee3614f3951f8cda6e48888",
}
"""The files of the official python version with their checksums."""
STANDIN_MARK = "STAND-IN.txt"
"""A folder with this file holds generated images for trying things out; there is no checksum to hold it against."""

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")


class DataError(RuntimeError):
    """CIFAR-10 cannot be had; `str()` says what to do."""


def download_cifar10(root: str | Path | None = None) -> Path:
    """Return a folder that holds `cifar-10-batches-py`, downloading it first where it is missing.

    A complete copy in the folder named by the environment variable CIFAR10_ROOT is used without network. Otherwise the
    data goes to `root` (default: `data` beside this file). Several processes may call this at once: one downloads, the
    others wait. The archive is checked before it is unpacked, and unpacked elsewhere before it appears, so an
    interrupted download leaves nothing half done.

    Raises:
        DataError: no copy and no download; the message names the remedies.
    """
    if given := os.environ.get("CIFAR10_ROOT"):
        return _given_copy(Path(given).expanduser())
    root = Path(root) if root is not None else Path(__file__).resolve().parent / "data"
    root.mkdir(parents=True, exist_ok=True)
    with FileLock(root / ".cifar10.lock"):
        if problem := find_problem(root / FOLDER):
            if (root / FOLDER).exists():
                print(f"{root / FOLDER}: {problem}; downloading it again")
            _download(root)
    return root


def _given_copy(given: Path) -> Path:
    root = given.parent if given.name == FOLDER else given
    if problem := find_problem(root / FOLDER):
        raise DataError(
            f"CIFAR10_ROOT is {given}, but {problem}. Point it to the folder that holds {FOLDER}, or unset it "
            "to download the data."
        )
    return root


def find_problem(folder: Path) -> str:
    """What is wrong with a `cifar-10-batches-py`; "" when it is complete."""
    if not folder.is_dir():
        return f"there is no folder {folder}"
    missing = [name for name in MD5 if not (folder / name).is_file()]
    if missing:
        return f"{folder} lacks {', '.join(missing)}"
    if is_standin(folder.parent):
        return ""
    damaged = [name for name, md5 in MD5.items() if _md5(folder / name) != md5]
    return f"the checksum of {', '.join(damaged)} in {folder} is wrong" if damaged else ""


def is_standin(root: Path) -> bool:
    """Whether the data under `root` is generated, not CIFAR-10."""
    return (Path(root) / FOLDER / STANDIN_MARK).is_file()


def _md5(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


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
        if _md5(archive) != ARCHIVE_MD5:
            raise DataError(f"What came from {URL} is not CIFAR-10 (wrong checksum). Try again; nothing was kept.")
        with tarfile.open(archive) as tar:
            tar.extractall(scratch, filter="data")
        if problem := find_problem(Path(scratch) / FOLDER):
            raise DataError(f"The archive is not complete: {problem}. Try again; nothing was kept.")
        if (root / FOLDER).exists():
            shutil.rmtree(root / FOLDER)
        (Path(scratch) / FOLDER).rename(root / FOLDER)


def _fetch(url: str, to: Path) -> None:
    with urllib.request.urlopen(url, timeout=30) as response, to.open("wb") as file:
        size = int(response.headers.get("Content-Length", 0)) or None
        with tqdm(total=size, unit="B", unit_scale=True, desc="CIFAR-10") as bar:
            while chunk := response.read(1 << 18):
                file.write(chunk)
                bar.update(len(chunk))


class _DataOnly(pickle.Unpickler):
    """Reads the pickled batches, which hold arrays, lists and bytes, and refuses everything else."""

    ALLOWED = {  # noqa: RUF012 - a constant
        ("numpy.core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        ("_codecs", "encode"),
    }

    def find_class(self, module: str, name: str):
        if (module, name) not in self.ALLOWED:
            raise DataError(f"a CIFAR-10 file wants to run {module}.{name}; it is not what it says it is")
        return super().find_class(module, name)


def _load_batch(path: Path) -> tuple[np.ndarray, list[int]]:
    batch = _DataOnly(io.BytesIO(path.read_bytes()), encoding="bytes").load()
    return batch[b"data"].reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1), batch[b"labels"]


class Cifar10(Dataset):
    """CIFAR-10 in memory; item i is `(transform(image), label)`, the image a (32, 32, 3) uint8 array.

    Args:
        root: folder that holds `cifar-10-batches-py`.
        train: the 50,000 training images, or the 10,000 test images.
        transform: from array to tensor.
    """

    def __init__(self, root: str | Path, train: bool, transform=None):
        names = [f"data_batch_{i}" for i in range(1, 6)] if train else ["test_batch"]
        batches = [_load_batch(Path(root) / FOLDER / name) for name in names]
        self.images = np.concatenate([images for images, _ in batches])
        self.labels = [label for _, labels in batches for label in labels]
        self.transform = transform

    def __len__(self) -> int:
        return len(self.labels)

    def __getitem__(self, index: int):
        image = self.images[index]
        return (self.transform(image) if self.transform else image), self.labels[index]


def get_loaders(
    root: str | Path, train_batch: int = 128, test_batch: int = 100, workers: int = 2, seed: int = 0
) -> tuple[DataLoader, DataLoader]:
    """Return `(train_loader, test_loader)`, which yield normalised (N, 3, 32, 32) images and (N,) labels.

    The order of the training images is shuffled anew each epoch, the same way for the same `seed`.
    """
    if is_standin(Path(root)):
        print("This is stand-in data, generated for trying things out: accuracies say nothing about CIFAR-10.")
    transform = transforms.Compose([transforms.ToTensor(), transforms.Normalize(MEAN, STD)])
    train, test = Cifar10(root, True, transform), Cifar10(root, False, transform)
    shared = {"num_workers": workers, "pin_memory": torch.cuda.is_available()}
    generator = torch.Generator().manual_seed(seed)
    return (
        DataLoader(train, batch_size=train_batch, shuffle=True, generator=generator, **shared),
        DataLoader(test, batch_size=test_batch, shuffle=False, **shared),
    )


def make_standin(root: str | Path, n_train: int = 1000, n_test: int = 200, seed: int = 0) -> Path:
    """Write generated images in the layout of CIFAR-10 to `root`: each class a colour and a stripe, plus noise.

    They can be learnt, so every part of the notebook runs on them without network.
    """
    folder = Path(root) / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(seed)
    sizes = [len(part) for part in np.array_split(np.arange(n_train), 5)] + [n_test]
    for name, size in zip([f"data_batch_{i}" for i in range(1, 6)] + ["test_batch"], sizes, strict=True):
        labels = rng.integers(0, 10, size)
        data = np.stack([_standin_image(int(label), rng) for label in labels]) if size else np.empty((0, 3, 32, 32))
        batch = {b"data": data.astype(np.uint8).reshape(size, -1), b"labels": [int(label) for label in labels]}
        (folder / name).write_bytes(pickle.dumps(batch, protocol=2))
    meta = {b"label_names": [name.encode() for name in CLASSES]}
    (folder / "batches.meta").write_bytes(pickle.dumps(meta, protocol=2))
    (folder / STANDIN_MARK).write_text("Generated images for trying things out; not CIFAR-10.\n")
    return Path(root)


def _standin_image(label: int, rng: np.random.Generator) -> np.ndarray:
    rows, columns = np.mgrid[0:32, 0:32]
    angle = np.pi * (label % 5) / 5
    stripes = np.sin((rows * np.cos(angle) + columns * np.sin(angle)) / 2 + rng.uniform(0, 2 * np.pi))
    tint = np.array([0.6, -0.2, -0.4]) if label < 5 else np.array([-0.4, -0.2, 0.6])
    image = 128 + 40 * stripes + 40 * tint[:, None, None] + rng.normal(0, 35, (3, 32, 32))
    return image.clip(0, 255)


def show_images(images: Tensor, labels: Sequence[int], count: int = 8) -> None:
    """Show the first images of a normalised (N, 3, 32, 32) batch with the names of their classes."""
    figure, axes = plt.subplots(1, count, figsize=(1.4 * count, 1.7))
    for axis, image, label in zip(axes, images, labels, strict=False):
        axis.imshow(to_picture(image).numpy())
        axis.set_title(CLASSES[int(label)], fontsize=9)
    for axis in axes:
        axis.axis("off")
    figure.tight_layout()
    plt.show()


def to_picture(image: Tensor) -> Tensor:
    """A normalised (3, H, W) image as matplotlib shows it: (H, W, 3), from 0 to 1."""
    mean, std = torch.tensor(MEAN).view(3, 1, 1), torch.tensor(STD).view(3, 1, 1)
    return (image * std + mean).clamp(0, 1).permute(1, 2, 0)
