"""CIFAR-10 is read from the published files or from another copy, and whatever is neither is refused in one line."""

import hashlib
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

import utils
from autograder.training import cifar10
from autograder.training.cifar10 import DataProblem, load_cifar10


def test_load_reads_where_the_variable_says(tmp_path, monkeypatch):
    root = utils.make_standin(tmp_path, 50, 20)
    monkeypatch.setenv("CIFAR10_ROOT", str(root / utils.FOLDER))
    data = load_cifar10()
    assert data.standin
    assert (data.train_images.shape, data.train_images.dtype) == ((50, 3, 32, 32), torch.uint8)
    assert (data.test_labels.shape, data.test_labels.dtype) == ((20,), torch.int64)


def test_load_says_what_is_missing(tmp_path, monkeypatch):
    monkeypatch.delenv("CIFAR10_ROOT", raising=False)
    with pytest.raises(DataProblem, match="set CIFAR10_ROOT"):
        load_cifar10()
    with pytest.raises(DataProblem, match=r"there is no folder .*nowhere"):
        load_cifar10(tmp_path / "nowhere")


def test_stand_in_data_without_its_mark_is_not_cifar10(tmp_path):
    root = utils.make_standin(tmp_path, 50, 20)
    (root / utils.FOLDER / utils.STANDIN_MARK).unlink()
    with pytest.raises(DataProblem, match="should hold 50,000 rows"):
        load_cifar10(root)


@pytest.mark.parametrize("content", [b"", b"no pickle", pickle.dumps({}), pickle.dumps(print)])
def test_load_says_what_cannot_be_read(tmp_path, content):
    root = utils.make_standin(tmp_path, 50, 20)
    (root / utils.FOLDER / "test_batch").write_bytes(content)
    with pytest.raises(DataProblem, match="cannot be read") as caught:
        load_cifar10(root)
    assert "\n" not in str(caught.value)


def nothing(name: str, held: dict) -> None:
    """No change."""


def another_copy(root: Path, monkeypatch: pytest.MonkeyPatch, change: Callable[[str, dict], object] = nothing) -> Path:
    """Write ten images of each class for training and two for testing, as Python 3 writes them: names are bytes.

    `change` is given the name of a file and what it is to hold; it returns something else to hold, or nothing.
    """
    monkeypatch.setattr(cifar10, "IMAGES", (100, 20))
    folder = root / utils.FOLDER
    folder.mkdir(parents=True)
    for name in utils.MD5:
        held = {b"data": np.full((20, 3072), 7, np.uint8), b"labels": [*range(10)] * 2, b"filenames": []}
        if name == utils.META_FILE:
            held = {b"label_names": [name.encode() for name in utils.CLASSES]}
        (folder / name).write_bytes(pickle.dumps(change(name, held) or held, protocol=2))
    return root


def test_another_copy_of_the_images_is_read(tmp_path, monkeypatch):
    data = load_cifar10(another_copy(tmp_path, monkeypatch))
    assert (data.standin, data.published) == (False, False)
    assert (data.train_images.shape, data.train_images.dtype) == ((100, 3, 32, 32), torch.uint8)
    assert (data.test_labels.shape, data.test_labels.dtype) == ((20,), torch.int64)
    assert data.train_labels.bincount().tolist() == [10] * 10
    assert data.reduced(16).published is False


def without_labels(name: str, held: dict) -> None:
    held.pop(b"labels", None)


def one_image_less(name: str, held: dict) -> None:
    if name == "data_batch_3":
        held.update({b"data": held[b"data"][1:], b"labels": held[b"labels"][1:]})


def only_one_class(name: str, held: dict) -> None:
    if name == "test_batch":
        held[b"labels"] = [3] * 20


def other_classes(name: str, held: dict) -> None:
    if b"label_names" in held:
        held[b"label_names"] = [b"cat", b"dog"]


def a_function(name: str, held: dict) -> object:
    return print if name == "data_batch_2" else None


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (without_labels, "KeyError"),
        (one_image_less, "should hold 100 rows of 3072 bytes"),
        (only_one_class, "test_batch should hold 2 labels of each class"),
        (other_classes, "the classes are cat, dog, and not those of CIFAR-10"),
        (a_function, "wants to run builtins.print|wants to run __builtin__.print"),
    ],
)
def test_what_is_no_copy_is_refused_in_one_line(tmp_path, monkeypatch, change, complaint):
    with pytest.raises(DataProblem, match=complaint) as caught:
        load_cifar10(another_copy(tmp_path, monkeypatch, change))
    assert "\n" not in str(caught.value)
    assert utils.FOLDER in str(caught.value)


def test_published_files_of_which_one_is_damaged_are_no_other_copy(tmp_path, monkeypatch):
    root = another_copy(tmp_path, monkeypatch)
    good = root / utils.FOLDER / "data_batch_5"
    monkeypatch.setitem(utils.MD5, good.name, md5_of(good))
    with pytest.raises(DataProblem, match="the checksum of data_batch_1, data_batch_2") as caught:
        load_cifar10(root)
    assert "data_batch_5" not in str(caught.value)


def test_a_file_that_cannot_be_read_is_one_line(tmp_path, monkeypatch):
    def refuse(file: Path, md5: str) -> bool:
        raise PermissionError(13, "Permission denied", str(file))

    root = another_copy(tmp_path, monkeypatch)
    monkeypatch.setattr(utils, "check_integrity", refuse)
    with pytest.raises(DataProblem, match=r"data_batch_1 cannot be read \(Permission denied\)") as caught:
        load_cifar10(root)
    assert "\n" not in str(caught.value)


def md5_of(file: Path) -> str:
    return hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()
