"""The examination: what is held out is new to everybody, judged fairly, and the same for the same seed."""

import dataclasses
import functools
import hashlib

import pytest
import torch

import utils
from autograder.training.cifar10 import load_cifar10
from autograder.training.heldout import Exam
from autograder.training.inside.pixels import reduce

SEED = 2**70 + 5


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return load_cifar10(utils.make_standin(tmp_path_factory.mktemp("standin"), 1000, 200))


@pytest.fixture(scope="module")
def exam(data):
    return Exam.draw(data, SEED)


def perfect(exam, data):
    """Logits of a network that knows every answer; found through the training labels' numbers."""
    new = dict(zip(data.train_labels.tolist(), exam.train_labels.tolist(), strict=True))
    return one_hot([new[int(data.test_labels[index])] for index in sources(exam, data)])


def one_hot(labels):
    return torch.nn.functional.one_hot(torch.tensor(labels), 10).float()


@functools.cache
def sources(exam, data):
    """For each held-out image the index of the published one that it was made of, found in spite of all changes."""
    both = torch.cat([data.test_images, data.test_images.flip(3)])
    published = torch.cat([inner(both.roll((a, b), (2, 3))) for a in range(-2, 3) for b in range(-2, 3)])
    found = (inner(exam.heldout_images) @ published.T).argmax(dim=1)
    return (found % len(data.test_images)).tolist()


def inner(images):
    """The middle of each image as a vector of length one, whatever its brightness and contrast."""
    flat = images[:, :, 10:-10, 10:-10].float().flatten(1)
    flat = flat - flat.mean(dim=1, keepdim=True)
    return flat / flat.norm(dim=1, keepdim=True)


def test_the_same_seed_gives_the_same_exam(data):
    one, again, other = Exam.draw(data, SEED), Exam.draw(data, SEED), Exam.draw(data, SEED + 1)
    for name in ("train_labels", "heldout_images", "_answers"):
        assert torch.equal(getattr(one, name), getattr(again, name))
        assert not torch.equal(getattr(one, name), getattr(other, name))


def test_fewer_images_are_some_of_all(data, exam):
    few = Exam.draw(data, SEED, heldout=30)
    assert few.heldout_images.shape == (30, 3, 32, 32)
    assert len(set(sources(few, data))) == 30
    assert few.accuracy(perfect(few, data)) == 1.0
    assert torch.equal(few.train_labels, exam.train_labels)


def test_the_whole_seed_counts(data):
    """Not its lowest 32 bits alone: those could be searched for."""
    one, other = Exam.draw(data, SEED), Exam.draw(data, SEED + 2**64)
    assert not torch.equal(one.heldout_images, other.heldout_images)


def test_each_image_comes_once_with_its_answer(exam, data):
    indices = sources(exam, data)
    assert sorted(indices) == list(range(len(data.test_images)))
    assert indices != sorted(indices)
    assert exam.accuracy(perfect(exam, data)) == 1.0


def test_training_images_stay_and_classes_are_renumbered(exam, data):
    assert torch.equal(exam.train_images, data.train_images)
    pairs = set(zip(data.train_labels.tolist(), exam.train_labels.tolist(), strict=True))
    assert len(pairs) == len({new for _, new in pairs}) == 10
    assert any(old != new for old, new in pairs)


def test_exact_hashes_know_nothing(exam, data):
    published = {digest(image) for part in (data.test_images, data.train_images) for image in part}
    assert not [image for image in exam.heldout_images if digest(image) in published]


def digest(image):
    return hashlib.sha256(image.numpy().tobytes()).digest()


@pytest.mark.parametrize("cells", [1, 4, 8], ids=["mean_colour", "4x4", "8x8"])
def test_tables_of_coarse_pictures_know_little(exam, data, cells):
    """A table from a coarse picture to its label is right no more often than by chance."""
    labels = torch.randperm(len(data.test_images), generator=torch.Generator().manual_seed(0))  # all different
    table = {key(image, cells): int(label) for image, label in zip(data.test_images, labels, strict=True)}
    right = [
        table.get(key(i, cells)) == labels[s] for i, s in zip(exam.heldout_images, sources(exam, data), strict=True)
    ]
    assert sum(right) / len(right) < 0.1


def key(image, cells):
    return (
        torch.nn.functional.adaptive_avg_pool2d(image.float(), cells).div(2).round().to(torch.uint8).numpy().tobytes()
    )


def test_a_known_labels_table_fails_through_new_numbers(exam, data):
    """Even who recognises every image must learn the numbers in this training: the published ones are wrong."""
    assert exam.accuracy(one_hot([int(data.test_labels[index]) for index in sources(exam, data)])) < 0.5


def test_images_change_a_little_each_in_its_own_way(data):
    """Brightness, contrast and noise stay within their bounds, and make use of them."""
    plain = torch.full((300, 3, 32, 32), 64, dtype=torch.uint8)
    plain[:, :, :, 16:] = 192
    halves = dataclasses.replace(data, test_images=plain, test_labels=torch.zeros(300, dtype=torch.int64))
    images = Exam.draw(halves, SEED).heldout_images.float()
    left, right = images[..., :13], images[..., 19:]
    noise = left.std(dim=(1, 2, 3))
    assert 1.9 < float(noise.min()) < 2.2
    assert 3.8 < float(noise.max()) < 4.2
    contrast = (left.mean(dim=(1, 2, 3)) - right.mean(dim=(1, 2, 3))).abs() / 128
    assert 0.945 < float(contrast.min()) < 0.96
    assert 1.04 < float(contrast.max()) < 1.055
    brightness = (left.mean(dim=(1, 2, 3)) + right.mean(dim=(1, 2, 3))) / 2 - 127.5
    assert -13.5 < float(brightness.min()) < -11
    assert 11 < float(brightness.max()) < 13.5


def test_images_are_moved_and_mirrored(data):
    """A single dot appears at each of 5 x 5 places around its own, and around the mirrored one."""
    dots = torch.zeros(600, 3, 32, 32, dtype=torch.uint8)
    dots[:, :, 20, 9] = 255
    dotted = dataclasses.replace(data, test_images=dots, test_labels=torch.zeros(600, dtype=torch.int64))
    images = Exam.draw(dotted, SEED).heldout_images.float().sum(dim=1)
    places = {divmod(int(place), 32) for place in images.flatten(1).argmax(dim=1)}
    columns = {*range(7, 12), *range(20, 25)}
    assert places == {(row, column) for row in range(18, 23) for column in columns}


def test_reduced_images_are_the_same_exam(data, exam):
    """Held-out images are reduced after their changes."""
    small = Exam.draw(data.reduced(16), SEED)
    assert small.train_images.shape == (1000, 3, 16, 16)
    assert torch.equal(small.heldout_images, reduce(exam.heldout_images, 16))
    assert torch.equal(small.train_labels, exam.train_labels)
    assert torch.equal(small._answers, exam._answers)


def test_numbers_that_are_not_finite_are_wrong(exam, data):
    logits = perfect(exam, data)
    logits[:100] = float("nan")
    logits[100:120, 3] = float("inf")
    assert exam.accuracy(logits) == pytest.approx(80 / 200)
    assert exam.worst_confusions(logits) == []


def test_confusions_go_by_name(exam, data):
    logits = perfect(exam, data)
    cat, dog = (exam._names.index(name) for name in ("cat", "dog"))
    cats = (exam._answers == cat).nonzero()[:, 0]
    dogs = (exam._answers == dog).nonzero()[:, 0]
    logits[cats[:5], dog] = 2
    logits[dogs[:4], cat] = 2
    (worst,) = exam.worst_confusions(logits)
    assert {worst.one, worst.other} == {"cat", "dog"}
    assert worst.count == 9
    assert "(9 images)" in str(worst)


def test_wrong_shape_is_said(exam):
    with pytest.raises(ValueError, match=r"shape \(200, 10\), not \(200, 9\)"):
        exam.accuracy(torch.zeros(200, 9))


def test_repr_tells_no_answers(exam, data):
    text = repr(exam) + repr(data)
    assert "tensor" not in text
    assert "cat" not in text
