"""Hostile submissions gain nothing: no point, no look at the grader's files, no hang, no process or file left behind.

Each payload in `attacks/` (its docstring says what it tries) is graded with the whole suite, hidden tests included,
and with one more hidden test, whose source and expected value are a secret that is searched for in all that comes back.
"""

import platform
import shutil

import pytest

import autograder.grading.grade
from autograder.grading.grade import Grader
from autograder.sandbox.confine import minimum_met
from autograder.sandbox.launcher import Zygote
from autograder.student.message import as_text
from tests.grader import attacks
from tests.grader.attacks.attack_run import needs_x86_64

UNTOUCHED_INPUT = 1
"""A block that hands anything back and leaves its input alone earns that one check, attack or none: see the twins."""
SHAPE_TOO = 2
"""The same for a block whose output has the right shape: one point more."""
EARNS = {
    "forge_caller_frames": UNTOUCHED_INPUT,
    "forge_equal_to_anything": UNTOUCHED_INPUT,
    "forge_patch_torch": UNTOUCHED_INPUT,
    "forge_pickle_in_state": UNTOUCHED_INPUT,
    "hang_in_backward": UNTOUCHED_INPUT,
    "forge_echo": SHAPE_TOO,
    "forge_replay": SHAPE_TOO,
    "forge_state": SHAPE_TOO,
    "forge_move_the_input": 1,  # the shape of the output is right
    "forge_claims": 8,  # so are shapes, and one parameter as large as all that are asked for, which does take part
}
"""The most points that a payload may get; none, where it is not listed."""

HAND_BACK = """
from torch import nn

class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.planes, self.stride = planes, stride

    def forward(self, x):
        return x{shape}
"""
SHAPED = ".new_zeros(len(x), self.planes, x.shape[2] // self.stride, x.shape[3] // self.stride)"

BAIT_TEST = '''
import pytest
import torch

pytestmark = pytest.mark.question("q1")

@pytest.mark.points(0)
def test_bait(student):
    """Bait: nobody can know what is expected here."""
    expected = torch.frombuffer(bytearray(b"{token}"), dtype=torch.uint8)
    block = student.BasicBlock(8, 8)
    secret_of_a_test = "{token}"
    if torch.equal(block(torch.randn(2, 8, 8, 8)), expected):
        raise AssertionError(secret_of_a_test)
'''


@pytest.fixture(scope="module")
def bait(tmp_path_factory):
    with attacks.bait(tmp_path_factory.mktemp("grader")) as bait:
        yield bait


@pytest.fixture(scope="module")
def grader(bait, tmp_path_factory):
    """Grades with the real suite and the bait; limits are tight, so that hanging costs seconds."""
    hidden = tmp_path_factory.mktemp("suite") / "hidden"
    shutil.copytree(autograder.grading.grade.SUITE[1], hidden)
    (hidden / "test_q1_bait.py").write_text(BAIT_TEST.format(token=bait.token))
    with pytest.MonkeyPatch.context() as patch, Grader(limits=attacks.LIMITS) as grader:
        patch.setattr(autograder.grading.grade, "SUITE", (autograder.grading.grade.SUITE[0], hidden))
        yield grader


@pytest.fixture(scope="module")
def hidden_lines():
    """Lines of hidden tests that say something: none of them may come back."""
    sources = [path.read_text() for path in autograder.grading.grade.SUITE[1].glob("*.py")]
    return {line.strip() for source in sources for line in source.splitlines() if len(line.strip()) > 24}


def test_there_are_enough_payloads():
    assert {name.partition("_")[0] for name in attacks.NAMES} == set(attacks.GROUPS)
    assert len(attacks.NAMES) >= 60


def test_twins_without_an_attack(grader, tmp_path):
    """What the payloads of `EARNS` get, they get without attacking."""
    path = tmp_path / "twin.py"
    for shape, points in (("", UNTOUCHED_INPUT), (SHAPED, SHAPE_TOO)):
        path.write_text(HAND_BACK.format(shape=shape))
        assert grader.grade(path).score == points


@pytest.mark.parametrize("name", attacks.NAMES)
def test_attack_gains_nothing(name, bait, grader, hidden_lines, tmp_path):
    source = bait.aim(name)
    if needs_x86_64(source) and platform.machine() != "x86_64":
        pytest.skip("this payload uses the system call numbers of x86_64")
    path = tmp_path / f"{name}.py"
    path.write_text(source)
    grade = grader.grade(path)
    limit = attacks.LIMITS.import_seconds + attacks.LIMITS.submission_seconds + attacks.SLACK
    print(f"{name}: {grade.score:g} points in {grade.seconds:.1f} s of {limit:g} s; {', '.join(grade.isolation)}")

    assert grade.status in ("graded", "incomplete", "crashed")
    assert grade.score <= EARNS.get(name, 0), [o.id for o in grade.tests if o.points]
    assert grade.possible > 80, "the suite did not run to its end"
    assert grade.seconds < limit
    assert minimum_met(grade.isolation)

    text = "\n".join([*grade.problems, *(as_text(outcome.message) for outcome in grade.tests)])
    assert attacks.TRIUMPH not in text
    assert bait.token not in grade.to_json()
    assert not [line for line in hidden_lines if line in text]
    assert attacks.readable(text)
    assert len(text) < 200_000
    attacks.assert_nothing_left(bait)


def test_the_grader_is_still_sane(grader, bait, tmp_path):
    """After all of them, an honest block gets its due and this process judges as before."""
    with Zygote() as zygote:
        attacks.assert_still_sane(tmp_path, zygote)
    (tmp_path / "honest.py").write_text(attacks.HONEST)
    grade = grader.grade(tmp_path / "honest.py")
    earned = {outcome.id.partition("::")[2] for outcome in grade.tests if outcome.points}
    assert {"test_output_shape", "test_input_unchanged"} <= earned
