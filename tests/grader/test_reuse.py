"""`validate` does not run again what cannot have changed, and finds the same as if it had."""

from pathlib import Path

import pytest
import torch

from autograder.gallery import complete, load_gallery
from autograder.grade import Grader
from autograder.student.local import LocalStudent
from autograder.student.remote import RemoteStudent
from autograder.submission import read_submission, slice_submission
from autograder.suite.journal import Journal
from autograder.suite.outcome import Case
from autograder.validate import Known
from tests.grader.samples import GALLERY, solution_source

ENTRIES = {entry.name: entry for entry in load_gallery(GALLERY)}
# An entry, some case that it can change, and some case that it cannot.
CHANGES = [
    ("q1_relu_before_add", "test_q4_training.py::test_overfits", "test_q2_bottleneck.py::test_output_shape"),
    ("q2_residual_halved", "test_depth test_depth[50]", "test_depth test_depth[18]"),
    ("q3_sum_pool_head", "test_q3_hidden.py::test_forward", "test_q1_hidden.py::test_gradients"),
    ("resnet18_from_table", "test_resnet18", "test_q2_hidden.py::test_forward"),
]


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    return Known(solution_source(), tmp_path_factory.mktemp("solution"))


@pytest.mark.parametrize(("name", "run", "kept"), CHANGES, ids=[name for name, _, _ in CHANGES])
def test_the_same_is_found(name, run, kept, known, tmp_path):
    path = tmp_path / f"{name}.py"
    path.write_text(complete(ENTRIES[name], solution_source()), encoding="utf-8")
    cases = known(path)
    assert not any(run in case for case in cases)
    assert any(kept in case for case in cases)
    journal = Journal(cases)
    with Grader() as grader:
        outcomes = grader.grade(path, journal=journal).outcomes
        assert not journal.names.keys() & cases.keys(), "a known case was run"
        assert outcomes == grader.grade(path).outcomes


def test_a_case_is_taken_as_known(tmp_path):
    """What is known is not looked into: here it is wrong, and comes out wrong."""
    path = Path(tmp_path) / "solution.py"
    path.write_text(solution_source(), encoding="utf-8")
    case = "hidden/test_q1_hidden.py::test_forward test_forward"
    with Grader() as grader:
        journal = Journal()
        grader.grade(path, only=["q1"], journal=journal)
        case = next(id for id in journal.cases if "test_q1_hidden.py::test_forward" in id)
        grade = grader.grade(path, only=["q1"], journal=Journal({case: Case("failed", "as told")}))
        [lost] = [outcome for outcome in grade.outcomes if outcome.points < outcome.possible]
        assert (lost.message, lost.id.split("::")[1]) == ("as told", "test_forward")
        # All may be known: nothing is left to run.
        grade = grader.grade(path, only=["q1"], journal=Journal(journal.cases))
        assert (grade.score, grade.possible) == (25, 25)
        # Where not all of the code runs, another name's code may be at fault: everything is run.
        path.write_text(f"{solution_source()}\n\n\nResNet.width = 1 / 0\n", encoding="utf-8")
        grade = grader.grade(path, only=["q1"], journal=Journal({case: Case("failed", "as told")}))
        assert all(outcome.message != "as told" for outcome in grade.outcomes)


NEEDS_VALUES = """
class Bottleneck(Bottleneck):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__(in_planes, planes, stride)
        before = torch.get_rng_state()
        torch.randn(8)
        if torch.equal(torch.get_rng_state(), before):
            raise ValueError("nothing was drawn")
"""


@pytest.mark.parametrize("extra", ["", NEEDS_VALUES], ids=["solution", "needs values"])
def test_skeleton_has_the_parameters_of_the_object(extra, tmp_path):
    path = tmp_path / "submission.py"
    path.write_text(f"{solution_source()}\n\n{extra}", encoding="utf-8")
    local = LocalStudent.from_file(path)
    real = [(name, p.shape) for name, p in local.ResNet(local.Bottleneck, [1, 2, 1, 1]).named_parameters()]
    with RemoteStudent(slice_submission(read_submission(path))) as remote:
        for student in (local, remote):
            skeleton = student.skeleton("ResNet", student.Bottleneck, [1, 2, 1, 1])
            assert [(name, p.shape) for name, p in skeleton.named_parameters()] == real
    before = torch.get_rng_state()
    skeleton = local.skeleton("ResNet", local.Bottleneck, [3, 4, 6, 3])
    assert sum(p.numel() for p in skeleton.parameters()) == 23_520_842
    if not extra:
        assert torch.equal(torch.get_rng_state(), before), "weights were drawn"
