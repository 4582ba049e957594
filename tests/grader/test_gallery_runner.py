"""`validate` runs entries in processes of their own, and does not run again what cannot have changed."""

import os
from pathlib import Path

import pytest
import torch

import utils
from autograder.grading.grade import SUITE
from autograder.maintain import gallery_runner
from autograder.maintain.build import solved_source
from autograder.maintain.gallery import complete
from autograder.maintain.gallery_runner import GalleryRunFailed, Known, code_of, judge, run_gallery
from autograder.maintain.samples import entries
from autograder.sandbox.remote_student import RemoteStudent
from autograder.student.local import LocalStudent
from autograder.student.message import Message
from autograder.submission import read_submission, slice_submission
from autograder.suite.journal import Journal
from autograder.suite.outcome import Case
from autograder.suite.run import run_suite

# An entry, some case that it can change, and some case that it cannot.
CHANGES = [
    pytest.param(*change, id=change[0], marks=marks)
    for *change, marks in (
        ("q1_relu_before_add", "test_q1_hidden.py::test_forward", "test_q2_bottleneck.py::test_output_shape", ()),
        ("q2_residual_halved", "test_depth test_depth[50]", "test_depth test_depth[18]", pytest.mark.slow),
        ("q3_sum_pool_head", "test_q3_hidden.py::test_forward", "test_q1_hidden.py::test_gradients", pytest.mark.slow),
        ("resnet18_from_table", "test_resnet18", "test_q2_hidden.py::test_forward", ()),
    )
]


@pytest.fixture(scope="module")
def solution(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("solution") / "solution.py"
    path.write_text(solved_source(), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def known(solution) -> Known:
    journal, _ = judge(solution, None)
    return Known(journal, code_of(read_submission(solution)))


@pytest.mark.parametrize(("name", "run", "kept"), CHANGES)
def test_the_same_is_found(name, run, kept, known, tmp_path):
    path = tmp_path / f"{name}.py"
    path.write_text(complete(entries()[name], solved_source()), encoding="utf-8")
    cases = known.cases(read_submission(path))
    assert not any(run in case for case in cases)
    assert any(kept in case for case in cases)
    journal, outcomes = judge(path, known)
    assert not journal.names.keys() & cases.keys(), "a known case was run"
    assert outcomes == judge(path, None)[1]


def test_a_case_is_taken_as_known(solution, known, tmp_path):
    """What is known is not looked into: here it is wrong, and comes out wrong."""
    case = next(id for id in known.journal.cases if "test_q1_hidden.py::test_forward" in id)
    student = LocalStudent.from_file(solution)
    outcomes = run_suite(student, SUITE, only=["q1"], journal=Journal({case: Case("failed", Message(got="as told"))}))
    [lost] = [outcome for outcome in outcomes if outcome.points < outcome.possible]
    assert (lost.message.got, lost.id.split("::")[1]) == ("as told", "test_forward")
    # All may be known: nothing is left to run.
    outcomes = run_suite(student, SUITE, only=["q1"], journal=Journal(known.journal.cases))
    assert sum(outcome.points for outcome in outcomes) == 25
    # Where not all of the code runs, another name's code may be at fault: everything is run.
    broken = tmp_path / "broken.py"
    broken.write_text(f"{solved_source()}\n\n\nResNet.width = 1 / 0\n", encoding="utf-8")
    assert any("q2" in case for case in known.cases(read_submission(broken)))
    journal, _ = judge(broken, known)
    assert journal.names.keys() == journal.cases.keys()


def sly(line: str, folder: Path) -> Path:
    """The solution, and a line that is executed with it."""
    path = folder / "sly.py"
    path.write_text(f"{solved_source()}\n\n\nclass ResNet(ResNet):\n    {line}\n", encoding="utf-8")
    return path


def test_what_ends_its_process_is_named(solution, tmp_path):
    with pytest.raises(GalleryRunFailed, match=r"sly\.py ended its process, or used more than 120 s"):
        list(run_gallery(solution, [sly("__import__('os')._exit(3)", tmp_path)], 1))


def test_what_does_not_come_to_an_end_is_named(known, tmp_path, monkeypatch):
    monkeypatch.setattr(gallery_runner, "MOST_SECONDS", 2)
    with pytest.raises(GalleryRunFailed, match=r"sly\.py ended its process, or used more than 2 s"):
        gallery_runner._judge_in_process(sly("while True: pass", tmp_path), known)


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
def test_skeleton_has_the_parameters_of_the_object(extra, zygote, tmp_path):
    path = tmp_path / "submission.py"
    path.write_text(f"{solved_source()}\n\n{extra}", encoding="utf-8")
    local = LocalStudent.from_file(path)
    real = [(name, p.shape) for name, p in local.ResNet(local.Bottleneck, [1, 2, 1, 1]).named_parameters()]
    with RemoteStudent(slice_submission(read_submission(path)), zygote=zygote) as remote:
        for student in (local, remote):
            skeleton = student.skeleton("ResNet", student.Bottleneck, [1, 2, 1, 1])
            assert [(name, p.shape) for name, p in skeleton.named_parameters()] == real
    before = torch.get_rng_state()
    skeleton = local.skeleton("ResNet", local.Bottleneck, [3, 4, 6, 3])
    assert sum(p.numel() for p in skeleton.parameters()) == 23_520_842
    if not extra:
        assert torch.equal(torch.get_rng_state(), before), "weights were drawn"


LOUD = """    expansion = 1
    import os
    print("no data in", os.environ["CIFAR10_ROOT"])
"""


def test_what_a_submission_prints_is_not_shown(solution, tmp_path, capfd, monkeypatch):
    """Nor does one wait for a download: some run cells of the notebook, because these may change a class."""
    loud = tmp_path / "loud.py"
    loud.write_text(solved_source().replace("    expansion = 1\n", LOUD, 1))
    monkeypatch.delenv("CIFAR10_ROOT", raising=False)
    [(path, outcomes)] = run_gallery(solution, [loud], 1)
    assert path == loud
    assert [outcome for outcome in outcomes if outcome.points < outcome.possible] == []
    assert capfd.readouterr() == ("", "")
    monkeypatch.setenv("CIFAR10_ROOT", os.devnull)
    with pytest.raises(utils.DataError, match="Point it to the folder"):
        utils.download_cifar10()
