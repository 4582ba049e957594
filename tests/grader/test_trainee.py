"""A network is trained in a process of its own: what comes back, and what is said when nothing does."""

import os

import pytest
import torch

from autograder.sandbox.confine import minimum_met
from autograder.sandbox.sealed import SealedImages, map_images
from autograder.student.errors import StudentError
from autograder.student.trainee import TrainingStopped
from tests.grader import attacks, trainings


@pytest.fixture(scope="module")
def exam():
    return trainings.exam()


@pytest.fixture(scope="module")
def trained(exam, tmp_path_factory):
    """What the small network is trained to, and what was told of its progress."""
    told = []
    before = attacks.processes(os.getpid())
    trained = trainings.train(
        trainings.small(), tmp_path_factory.mktemp("in"), exam, want_state=True, progress=told.append
    )
    assert attacks.processes(os.getpid()) == before
    return trained, told


def test_it_learns_from_scratch(trained, exam):
    assert exam.accuracy(trained[0].logits) > 0.9
    assert trained[0].logits.dtype == torch.float32


def test_its_state_comes_back(trained):
    state = trained[0].state
    assert tuple(state["0.weight"].shape) == (16, 3, 3, 3)
    assert not torch.equal(state["1.running_mean"], torch.zeros(16))


def test_it_is_confined(trained):
    assert minimum_met(trained[0].isolation)


def test_progress_is_told(trained):
    _, told = trained
    assert told
    assert told[-1].step <= told[-1].steps == 60
    assert 0 <= told[-1].accuracy <= 1


STOPS = {
    "error in forward": (
        trainings.small(before="x.reshape(7)"),
        StudentError,
        r"submission\.py, line \d+, in forward\n    x\.reshape\(7\)\nRuntimeError: shape '\[7\]' is invalid",
        False,
    ),
    "blames the GPU": (
        trainings.small(before="raise torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 2 GiB')"),
        StudentError,
        "OutOfMemoryError: CUDA out of memory",
        True,
    ),
}


@pytest.mark.parametrize("name", STOPS)
def test_a_training_that_stops_says_why(name, exam, tmp_path):
    source, kind, words, deferred = STOPS[name]
    with pytest.raises(TrainingStopped) as caught:
        trainings.train(source, tmp_path, exam)
    stopped = caught.value
    assert type(stopped.failure) is kind
    assert pytest.raises(kind, match=words).matches(stopped.failure), str(stopped.failure)
    assert stopped.deferred == deferred
    assert "\n" not in stopped.reason


def test_our_block_stands_in(exam, tmp_path):
    """For a student whose own block is broken, `ResNet18()` is built of ours."""
    source = trainings.small(build="assert BasicBlock(8, 8)(torch.zeros(1, 8, 4, 4)).shape == (1, 8, 4, 4)")
    assert trainings.train(source, tmp_path, exam, own_block=False).logits.shape == (200, 10)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_no_gpu_is_nobodys_fault(exam, tmp_path):
    with pytest.raises(TrainingStopped, match=r"did not start: .*(Landlock|GPU)") as caught:
        trainings.train(trainings.small(), tmp_path, exam, device="cuda")
    assert caught.value.deferred
    assert caught.value.failure is None
    assert "\n" not in str(caught.value)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_on_a_gpu(exam, tmp_path):
    """The real thing: CUDA in a confined process."""
    trained = trainings.train(trainings.small(), tmp_path, exam, device="cuda", want_state=True)
    assert exam.accuracy(trained.logits) > 0.9
    assert minimum_met(trained.isolation)
    assert "landlock" in trained.isolation


def test_sealed_images_cannot_be_changed():
    images = torch.randint(256, (5, 3, 32, 32), dtype=torch.uint8)
    sealed = SealedImages(images)
    try:
        assert torch.equal(map_images(sealed.number, sealed.shape), images)
        with pytest.raises(PermissionError):
            os.pwrite(sealed.number, b"x", 0)
        with pytest.raises(PermissionError):
            os.ftruncate(sealed.number, 1)
    finally:
        sealed.close()
