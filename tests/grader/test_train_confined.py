"""A network is trained in a process of its own: what comes back, and what is said when nothing does."""

import os
import re
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from autograder.sandbox.confine import minimum_met
from autograder.student.errors import StudentError
from autograder.training.inside.shared_images import SharedImages, map_images
from autograder.training.train_confined import Trained, TrainingStopped
from tests.grader import attacks, trainings


@pytest.fixture(scope="module")
def exam():
    return trainings.exam()


STOPS = {
    "error in forward": (
        trainings.small(before="x.reshape(7)"),
        r"submission\.py, line \d+, in forward\n    x\.reshape\(7\)\nRuntimeError: shape '\[7\]' is invalid",
        False,
    ),
    "blames the GPU": (
        trainings.small(before="raise torch.OutOfMemoryError('CUDA out of memory. Tried to allocate 2 GiB')"),
        "OutOfMemoryError: CUDA out of memory",
        True,
    ),
}
OUR_BLOCK = trainings.small(build="assert BasicBlock(8, 8)(torch.zeros(1, 8, 4, 4)).shape == (1, 8, 4, 4)")
TOLD = []
RUNS = {
    "right": (trainings.small(), {"want_state": True, "progress": TOLD.append}),
    "our block": (OUR_BLOCK, {"own_block": False}),
    "no GPU": (trainings.small(), {"device": "cuda"}),
    **{name: (source, {}) for name, (source, _, _) in STOPS.items()},
}


@pytest.fixture(scope="module")
def ends(exam, tmp_path_factory):
    """How each of `RUNS` ends, two at a time: what it was trained to, or why it stopped."""

    def run(name: str) -> Trained | TrainingStopped:
        source, changes = RUNS[name]
        try:
            return trainings.train(source, tmp_path_factory.mktemp("in"), exam, **changes)
        except TrainingStopped as stopped:
            return stopped

    before = attacks.processes(os.getpid())
    with ThreadPoolExecutor(2) as pool:
        ends = dict(zip(RUNS, pool.map(run, RUNS), strict=True))
    assert attacks.processes(os.getpid()) == before
    return ends


@pytest.fixture(scope="module")
def trained(ends):
    """What the small network is trained to."""
    return ends["right"]


def test_it_learns_from_scratch(trained, exam):
    assert exam.accuracy(trained.logits) > 0.9
    assert trained.logits.dtype == torch.float32


def test_its_state_comes_back(trained):
    state = trained.state
    assert tuple(state["0.weight"].shape) == (16, 3, 3, 3)
    assert not torch.equal(state["1.running_mean"], torch.zeros(16))


def test_it_is_confined(trained):
    assert minimum_met(trained.isolation)


def test_progress_is_told(trained):
    assert TOLD
    assert TOLD[-1].step <= TOLD[-1].steps == 60
    assert 0 <= TOLD[-1].accuracy <= 1


@pytest.mark.parametrize("name", STOPS)
def test_a_training_that_stops_says_why(name, ends):
    _, words, deferred = STOPS[name]
    stopped = ends[name]
    assert type(stopped.failure) is StudentError
    assert re.search(words, str(stopped.failure)), str(stopped.failure)
    assert stopped.deferred == deferred
    assert "\n" not in stopped.reason


def test_our_block_stands_in(ends):
    """For a student whose own block is broken, `ResNet18()` is built of ours."""
    assert ends["our block"].logits.shape == (200, 10)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU here")
def test_no_gpu_is_nobodys_fault(ends):
    stopped = ends["no GPU"]
    assert re.search(r"did not start: .*(Landlock|GPU)", str(stopped))
    assert stopped.deferred
    assert stopped.failure is None
    assert "\n" not in str(stopped)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")
def test_on_a_gpu(exam, tmp_path):
    """The real thing: CUDA in a confined process."""
    trained = trainings.train(trainings.small(), tmp_path, exam, device="cuda", want_state=True)
    assert exam.accuracy(trained.logits) > 0.9
    assert minimum_met(trained.isolation)
    assert "landlock" in trained.isolation


def test_sealed_images_cannot_be_changed():
    images = torch.randint(256, (5, 3, 32, 32), dtype=torch.uint8)
    sealed = SharedImages(images)
    try:
        assert torch.equal(map_images(sealed.number, sealed.shape), images)
        with pytest.raises(PermissionError):
            os.pwrite(sealed.number, b"x", 0)
        with pytest.raises(PermissionError):
            os.ftruncate(sealed.number, 1)
    finally:
        sealed.close()
