"""Hostile submissions gain nothing: no look at the grader's files, no hang, no process or file left, no harm to others.

What each payload tries is said in its docstring, in `attacks/`.
"""

import platform

import pytest
import torch

from autograder.sandbox.launcher import Zygote
from autograder.sandbox.limits import MIB, Limits
from autograder.student.remote import RemoteStudent
from autograder.submission import read_submission, slice_submission
from tests.grader import attacks

LIMITS = Limits(
    import_seconds=1.5,
    request_seconds=1.0,
    submission_seconds=6.0,
    cpu_seconds=5,
    memory_bytes=512 * MIB,
    reply_bytes=64 * MIB,
    workers=4,
)
SLACK = 4.0  # seconds for what is not the student's: starting and burying workers, on a machine that does other things

HONEST = """
import torch
from torch import nn

class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.conv = nn.Conv2d(in_planes, planes, 3, stride, 1, bias=False)

    def forward(self, x):
        return torch.relu(self.conv(x))
"""


@pytest.fixture(scope="module")
def bait(tmp_path_factory):
    with attacks.bait(tmp_path_factory.mktemp("grader")) as bait:
        yield bait


@pytest.fixture(scope="module")
def zygote(bait):
    with Zygote() as zygote:
        print(f"\nlayers: {', '.join(zygote.layers)}")
        yield zygote


def student_of(source, folder, zygote):
    path = folder / "submission.py"
    path.write_text(source)
    return RemoteStudent(slice_submission(read_submission(path)), LIMITS, zygote)


def test_there_are_enough_payloads():
    groups = {name.partition("_")[0] for name in attacks.NAMES}
    assert groups == {"forge", "read", "hang", "exhaust", "escape", "network", "protocol"}
    assert len(attacks.NAMES) >= 40


@pytest.mark.parametrize("name", attacks.NAMES)
def test_attack_gains_nothing(name, bait, zygote, tmp_path):
    source = bait.aim(name)
    if "syscall(" in source and platform.machine() != "x86_64":
        pytest.skip("this payload uses the system call numbers of x86_64")
    with student_of(source, tmp_path, zygote) as student:
        transcript = attacks.drive(student)
        assert student.isolation == zygote.layers

    assert attacks.TRIUMPH not in transcript.text
    assert bait.token not in transcript.text
    assert all(bait.token.encode() not in bytes_of(tensor) for tensor in transcript.tensors)
    assert transcript.text.isprintable() or set(filter(lambda c: not c.isprintable(), transcript.text)) <= {"\n", "\t"}
    assert len(transcript.text) < 200_000
    assert transcript.seconds < LIMITS.submission_seconds + SLACK
    assert transcript.texts, "an attack without any effect at all was not run"
    bait.assert_untouched()
    assert attacks.processes(zygote.pid) == set()
    assert attacks.traces() == []
    assert_still_sane(tmp_path, zygote)


def assert_still_sane(folder, zygote):
    """This process judges as before, and the next submission gets its due."""
    assert not torch.equal(torch.zeros(2), torch.ones(2))
    assert not torch.allclose(torch.zeros(2), torch.ones(2))
    with student_of(HONEST, folder, zygote) as student:
        block = student.BasicBlock(2, 3)
        x = torch.randn(2, 2, 5, 5)
        expected = torch.conv2d(x, block.state_dict()["conv.weight"], padding=1).relu()
        assert torch.allclose(block(x), expected, atol=1e-5)


def bytes_of(tensor):
    return tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes()
