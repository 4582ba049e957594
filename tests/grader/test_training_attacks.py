"""Whatever a submission does while it is trained, it gains nothing, leaves nothing and stops nobody."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from autograder.training.train_confined import Trained, TrainingStopped
from tests.grader import attacks, training_attacks, trainings

PAYLOADS = training_attacks.every(trainings.data())
AT_ONCE = 2


@pytest.fixture(scope="module")
def exam():
    return trainings.exam()


@pytest.fixture(scope="module")
def ends(exam, tmp_path_factory):
    """How each payload ended: what it was trained to, or why it stopped."""

    def run(name: str) -> Trained | TrainingStopped:
        try:
            return trainings.train(PAYLOADS[name].source, tmp_path_factory.mktemp("payload"), exam, want_state=True)
        except TrainingStopped as stopped:
            return stopped

    before = attacks.processes(os.getpid())
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = dict(zip(PAYLOADS, pool.map(run, PAYLOADS), strict=True))
    assert attacks.processes(os.getpid()) == before
    assert attacks.traces() == []
    return found


@pytest.mark.parametrize("name", PAYLOADS)
def test_attack_gains_nothing(name, ends, exam):
    payload, end = PAYLOADS[name], ends[name]
    if payload.ends is None:
        assert isinstance(end, Trained), end
        assert exam.accuracy(end.logits) <= payload.accuracy
        return
    kind, words = payload.ends
    assert isinstance(end, TrainingStopped), f"it reached {exam.accuracy(end.logits)}"
    assert type(end.failure) is kind
    assert words in str(end.failure)
    assert attacks.TRIUMPH not in str(end.failure)
    assert not end.deferred
    assert "\n" not in end.reason
    assert attacks.readable(str(end.failure))
