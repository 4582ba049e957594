"""Grading with a training in it, from the file to the result, on a CPU."""

import dataclasses

import pytest
import torch
from click.testing import CliRunner

import autograder.grading.grade
from autograder.__main__ import main
from autograder.course.handins import handins
from autograder.grading.classroom import grade_all
from autograder.grading.grade import Grader
from autograder.grading.result import Result
from autograder.grading.seeds import secret_of, seed_of, suite_version
from autograder.maintain.build import solved_source
from autograder.sandbox.limits import TrainingLimits
from autograder.student.message import Message, as_text
from autograder.submission import fingerprint
from autograder.suite.outcome import Outcome
from autograder.training.cifar10 import Cifar10
from autograder.training.inside.fit import Recipe
from autograder.training.seeds import derive
from tests.grader import trainings
from tests.grader.test_cifar10 import another_copy
from utils import make_standin

TEST = '''
import pytest

pytestmark = pytest.mark.question("q4")


@pytest.mark.points(12)
@pytest.mark.needs_cuda
def test_training_accuracy(training):
    """Training: it learns."""
    assert training.accuracy >= training.threshold, training.note
'''
BEFORE = '''
import pytest

pytestmark = pytest.mark.question("{question}")


@pytest.mark.points(1)
def test_it_is_there(student):
    """There: the names are defined."""
    assert student.BasicBlock
    assert student.ResNet
'''
FORGED = """
_forward = ResNet.forward


def forward(self, x):
    import sys
    logits = _forward(self, x)
    if self.training or "autograder.training.inside.worker" not in sys.modules:
        return logits
    return -logits


ResNet.forward = forward
"""


@pytest.fixture
def grader(monkeypatch, tmp_path, zygote):
    """A grader with a small suite, that trains a real ResNet-18 for a step of 8 reduced images."""
    folders = tmp_path / "public", tmp_path / "hidden"
    for folder in folders:
        folder.mkdir()
    for question in ("q1", "q3", "q4"):
        (folders[0] / f"test_{question}.py").write_text(BEFORE.format(question=question))
    (folders[1] / "test_q4.py").write_text(TEST)
    monkeypatch.setattr(autograder.grading.grade, "SUITE", folders)
    setup = trainings.setup(limits=TrainingLimits())
    budget = dataclasses.replace(setup.budget, recipe=Recipe(1, batch_size=8, peak_lr=0.01, side=16))
    training = dataclasses.replace(setup, budget=budget, threshold=0.0)
    with Grader(key=b"secret", training=training, zygote=zygote) as grader:
        data = Cifar10(*trainings.colours(8, 1), *trainings.colours(16, 2), standin=True)
        grader._context.data = data.reduced(16)
        yield grader


def q4(grade: Result) -> dict[str, tuple[str, str]]:
    return {o.id.partition("::")[2]: (o.outcome, as_text(o.message)) for o in grade.tests if o.question == "q4"}


def write(folder, source):
    path = folder / "submission.py"
    path.write_text(source)
    return path


def test_the_solution_is_trained(grader, tmp_path):
    grade = grader.grade(write(tmp_path, solved_source()), only={"q4"})
    assert q4(grade)["test_training_accuracy"] == ("passed", "")
    assert {o.question for o in grade.tests} == {"q4"}, "q1 and q3 are judged for the training only"
    assert grade.possible == 13
    assert 0 <= grade.training.accuracy <= 1
    assert grade.training.recipe == "1 epoch, reduced to 16x16 pixels"
    assert Result.model_validate_json(grade.to_json(), strict=True) == grade


def test_a_right_network_cannot_forge_its_logits(grader, tmp_path):
    """It computes what it should until it is in the process that counts."""
    grade = grader.grade(write(tmp_path, solved_source() + FORGED), only={"q1", "q3", "q4"})
    lost = {o.id.partition("::")[2] for o in grade.tests if o.outcome != "passed"}
    assert lost == {"test_training_accuracy"}
    assert "logits that its trained weights do not give" in q4(grade)["test_training_accuracy"][1]


def test_what_is_not_defined_cannot_be_trained(grader, tmp_path):
    for source in ("", "BasicBlock = 3"):
        grade = grader.grade(write(tmp_path, source), only={"q4"})
        outcome, message = q4(grade)["test_training_accuracy"]
        assert outcome == "failed"
        assert "the file is empty" in message or "is not defined" in message
        assert grade.training is None


def test_the_draw_is_secret_and_the_same():
    assert secret_of("a", b"k") == secret_of("a", b"k")
    assert len({secret_of("a", b"k"), secret_of("b", b"k"), secret_of("a", b"l"), secret_of("a")}) == 4
    assert seed_of("a", b"k") == derive(secret_of("a", b"k"), "tests") != derive(secret_of("a", b"k"), "training")
    assert derive(b"", "x", bits=256) >> 193 == derive(b"", "x")


@pytest.fixture
def command(monkeypatch, tmp_path):
    """`grade` on a machine with a GPU, up to where submissions are graded; yields a function that runs it."""
    monkeypatch.setattr("autograder.__main__._may_have_gpu", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.delenv("CIFAR10_ROOT", raising=False)
    asked = {}

    def grade_all(submissions, out, **options):
        asked.update(options)
        return [], []

    monkeypatch.setattr("autograder.grading.classroom.grade_all", grade_all)
    submission = write(tmp_path, "")

    def run(*arguments):
        asked.clear()
        result = CliRunner().invoke(main, ["grade", str(submission), "--out", str(tmp_path / "out"), *arguments])
        return result, dict(asked)

    return run


def test_cuda_needs_data(command):
    result, asked = command("--device", "cuda")
    assert result.exit_code == 2
    assert not asked
    (line,) = [line for line in result.output.splitlines() if line.startswith("Error")]
    assert "CIFAR10_ROOT" in line
    assert "--data" in line


def test_without_data_the_check_is_deferred(command):
    result, asked = command()
    assert result.exit_code == 0
    assert result.output.count("the training check is deferred: CIFAR-10 is needed") == 1
    assert asked["training"].problem


def test_standin_images_are_no_examination(command, tmp_path):
    result, asked = command("--data", str(make_standin(tmp_path / "standin", 20, 10)))
    assert "the images are stand-in data" in result.output
    assert asked["training"].problem


def test_another_copy_of_the_images_is_an_examination_and_one_line_says_so(command, tmp_path, monkeypatch):
    result, asked = command("--device", "cpu", "--data", str(another_copy(tmp_path / "copy", monkeypatch)))
    assert result.output.count("another copy of CIFAR-10 than the published files") == 1
    assert (asked["training"].problem, asked["training"].published) == ("", False)


def test_options_reach_the_training(command, tmp_path):
    root = make_standin(tmp_path / "standin", 20, 10)
    _, asked = command("--data", str(root), "--gpu-jobs", "3")
    assert (asked["training"].data, asked["gpu_jobs"]) == (root, 3)
    assert asked["training"].device == "cuda"


def test_a_cpu_trains_where_it_is_asked_to(command, tmp_path, monkeypatch):
    """With the budget that was measured for it; a GPU's would take hours."""
    root = make_standin(tmp_path / "standin", 20, 10)
    for found in (True, False):
        monkeypatch.setattr(torch.cuda, "is_available", lambda found=found: found)
        _, asked = command("--device", "cpu", "--data", str(root))
        assert (asked["training"].device, asked["training"].budget.name) == ("cpu", "short")
        assert command("--device", "cpu")[1]["training"] is None
    result, asked = command("--device", "cpu", "--data", str(tmp_path / "nowhere"))
    assert result.exit_code == 2
    assert not asked


def test_without_a_gpu_nobody_is_trained_unasked(command, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("CIFAR10_ROOT", str(tmp_path))
    result, asked = command()
    assert (result.output, asked["training"]) == ("", None)
    result, asked = command("--data", str(tmp_path))
    assert result.output.count("the training check is deferred: no CUDA GPU is available here. --device cpu with") == 1
    assert asked["training"] is None
    assert "--device cpu with --data trains on the CPU" in command("--device", "cuda")[0].output.replace("\n", " ")


def test_a_later_run_fills_in(tmp_path, monkeypatch):
    """What was deferred where there was no GPU is judged over the same results, and nothing else is."""
    submission, out = write(tmp_path, solved_source()), tmp_path / "out"
    counted, _ = handins({submission: submission.parent})
    result = out / f"{counted[0].name}.json"
    out.mkdir()
    q1 = Outcome("public/test_q1.py::test_x", "q1", "X: x.", 3.0, 3.0, "passed", False)
    q3 = Outcome("public/test_q3.py::test_z", "q3", "Z: z.", 0.0, 2.0, "failed", False, Message(got="No."))
    waits = Outcome(
        "hidden/test_q4_hidden.py::test_y", "q4", "Y: y.", 0.0, 0.0, "deferred", True, Message(got="Deferred: later")
    )
    fields = {"sha256": fingerprint(submission), "suite": suite_version(), "status": "graded", "training": None}
    before = Result.of((q1, q3, waits), submission="submission.py", seconds=1.0, isolation=(), problems=(), **fields)
    result.write_text(before.to_json())

    setup = trainings.setup(data=make_standin(tmp_path / "standin", 100, 50), limits=TrainingLimits())
    budget = dataclasses.replace(setup.budget, recipe=Recipe(1, 8, 0.01, images=16, side=16))
    setup = dataclasses.replace(setup, budget=budget, threshold=0.0)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    told, said = [], []
    options = {"training": setup, "gpu_jobs": 2, "tell": told.append, "warn": said.append}
    (after,), failures = grade_all(counted, out, only=["q4"], **options)
    assert not failures
    (judged,) = [test for test in after.tests if "test_training_accuracy" in test.id]
    assert judged.outcome == "passed", judged.message
    scores = {question: (score.score, score.possible) for question, score in after.questions.items()}
    assert scores == {"q1": (3, 3), "q3": (0, 2), "q4": (20, 20)}
    assert after.training.recipe == "1 epoch of 16 images, reduced to 16x16 pixels"
    assert told
    assert told[0].startswith("calibration, 0 of 2: training, epoch ")
    assert told[-1].startswith("training, epoch ")
    (line,) = said
    assert line.startswith("calibration: 2 right networks reach ")

    again, _ = grade_all(counted, out, only=["q1", "q4"], training=setup)
    assert again == [after], "there is nothing left to do"
