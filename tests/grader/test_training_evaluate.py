"""Who is trained, whose fault it is when that fails, and whether what comes back can be believed."""

import contextlib
import itertools
import random
import threading
import time

import pytest
import torch

from autograder.maintain.gallery import complete
from autograder.maintain.samples import entries, solution_source
from autograder.oracle.full_network import alike, match
from autograder.oracle.matching import classify_tensors, draw
from autograder.student.errors import StudentCrash, StudentError
from autograder.student.local import LocalStudent
from autograder.suite.outcome import Outcome
from autograder.training import evaluate as trainer_module
from autograder.training.context import TrainingContext
from autograder.training.evaluate import OUR_BLOCK, PROVED, Trainer, require_own_logits
from autograder.training.inside.baseline_network import resnet18
from autograder.training.inside.pixels import normalised
from autograder.training.policy import POLICIES, must_train
from autograder.training.proof import Proof, passed, prove
from autograder.training.retry import TWICE, train_fairly
from autograder.training.slots import Slots
from autograder.training.train_confined import Trained, TrainingStopped
from tests.grader import trainings


def outcome(question: str, result: str = "passed") -> Outcome:
    return Outcome(f"public/{question}.py::t", question, "T: t.", 1.0, 1.0, result, False)


ALL_PASSED = [outcome("q1"), outcome("q3")]


@pytest.mark.parametrize("policy", POLICIES)
def test_who_is_not_proved_is_always_trained(policy):
    assert all(must_train(policy, False, seed) for seed in range(50))


def test_policies_differ_in_who_is_proved():
    seeds = [random.Random(n).getrandbits(256) for n in range(2000)]
    assert all(must_train("all", True, seed) for seed in seeds)
    assert not any(must_train("unproved", True, seed) for seed in seeds)
    audited = [seed for seed in seeds if must_train("audit", True, seed)]
    assert 140 < len(audited) < 260, "a tenth"
    assert audited == [seed for seed in seeds if must_train("audit", True, seed)], "the same again"


def test_a_question_is_passed_when_all_its_tests_are():
    assert passed(ALL_PASSED, "q1")
    assert not passed([*ALL_PASSED, outcome("q1", "failed")], "q1")
    assert not passed(ALL_PASSED, "q2"), "no test, no proof"


@pytest.mark.parametrize("alone", [False, True])
def test_turns(alone):
    """At most two at once; nobody beside one who must be alone."""
    slots, running, most = Slots(2), [], []

    def work(number: int) -> None:
        with slots.alone() if alone and number == 3 else slots.slot():
            running.append(number)
            most.append(list(running))
            time.sleep(0.01)
            running.remove(number)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert max(map(len, most)) == 2
    if alone:
        assert all(together == [3] for together in most if 3 in together)


def stopped(failure: Exception | None, deferred: bool) -> TrainingStopped:
    return TrainingStopped("why", failure=failure, deferred=deferred)


GPU = StudentError("OutOfMemoryError", "CUDA out of memory", "cell 1, line 1\nOutOfMemoryError: CUDA out of memory")
TRAINED = Trained(torch.zeros(1, 10), None, 1.0, ())
NOT_STARTED, ITS_ERROR = stopped(None, True), stopped(StudentError("ValueError", "x", ""), False)
BLAMES_GPU, DIED = stopped(GPU, True), stopped(StudentCrash("it crashed."), True)
FAIR = {
    "it works": ([TRAINED], None, ""),
    "the machine fails before": ([NOT_STARTED], None, "why"),
    "the code raises": ([ITS_ERROR], StudentError, "x"),
    "out of memory once": ([BLAMES_GPU, TRAINED], None, ""),
    "out of memory, then its own error": ([BLAMES_GPU, ITS_ERROR], StudentError, "x"),
    "the GPU is lost": ([BLAMES_GPU, NOT_STARTED], None, "why"),
    "out of memory each time": ([BLAMES_GPU, BLAMES_GPU], StudentError, TWICE),
    "it dies each time": ([DIED, DIED], StudentCrash, TWICE),
}


@pytest.mark.parametrize("name", FAIR)
def test_whose_fault_it_is(name):
    """Only what happens before the student's code runs can be believed to be the machine's."""
    ends, kind, words = FAIR[name]
    left = iter(ends)

    def attempt(turn) -> Trained:
        with turn:
            end = next(left)
        if isinstance(end, TrainingStopped):
            raise end
        return end

    if ends[-1] is TRAINED:
        assert train_fairly(attempt, Slots()) is TRAINED
    else:
        with pytest.raises(TrainingStopped) as caught:
            train_fairly(attempt, Slots())
        assert type(caught.value.failure) is (kind or type(None))
        assert words in (str(caught.value.failure) if kind else caught.value.reason)
    assert next(left, None) is None, "as many attempts as it takes, and no more"


def student_of(source: str, folder) -> LocalStudent:
    path = folder / "submission.py"
    path.write_text(source)
    return LocalStudent.from_file(path)


def test_the_solution_is_proved(tmp_path):
    student = student_of(solution_source(), tmp_path)
    proof = prove(student, ALL_PASSED, torch.Generator().manual_seed(1))
    assert proof.complete
    assert len(proof.names) == 20 + 4 * 20 + 2
    assert prove(student, [outcome("q1"), outcome("q3", "failed")], torch.Generator()) == Proof(None)
    assert prove(student, [outcome("q1")], torch.Generator()) == Proof(None)


@pytest.mark.parametrize("name", ["zero_init_residual", "built_back_to_front"])
def test_free_style_is_matched(name, tmp_path):
    """Names and order are free; another initialisation is right, but has to be trained to know how that goes."""
    student = student_of(complete(entries()[name], solution_source()), tmp_path)
    proof = prove(student, ALL_PASSED, torch.Generator().manual_seed(1))
    assert proof.names is not None
    assert proof.complete == (name == "built_back_to_front")


@pytest.fixture(scope="module")
def network():
    """A network, its names for the roles, and an exam."""
    net = resnet18()
    found = classify_tensors(net.state_dict(), frozenset(name for name, _ in net.named_parameters()))
    weights = draw(net.state_dict(), found, torch.Generator().manual_seed(3))
    net.load_state_dict(weights)
    images = torch.randn(2, 3, 32, 32)
    with torch.no_grad():
        names = match(found, weights, images, net.eval()(images))
    exam = trainings.exam()
    exam.heldout_images = exam.heldout_images[:20]
    with torch.no_grad():
        logits = net(normalised(exam.heldout_images))
    return net, names, exam, logits


def test_logits_of_the_trained_network_are_believed(network):
    net, names, exam, logits = network
    require_own_logits(Trained(logits, net.state_dict(), 1.0, ()), names, exam, 7)


def test_half_precision_is_believed(network):
    net, names, exam, _ = network
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        logits = net(normalised(exam.heldout_images)).float()
    require_own_logits(Trained(logits, net.state_dict(), 1.0, ()), names, exam, 7)


@pytest.mark.parametrize("forge", ["others", "a fifth", "constant", "no weights", "other shapes"])
def test_forged_logits_are_not(forge, network):
    net, names, exam, logits = network
    state, logits = dict(net.state_dict()), logits.clone()
    if forge == "others":
        logits = logits.roll(1, 0)
    elif forge == "a fifth":
        logits[::5] = logits[::5].roll(1, 1)
    elif forge == "constant":
        logits[:] = 1
    elif forge == "no weights":
        state = {}
    else:
        state[names["linear.weight"]] = torch.zeros(3, 512)
    with pytest.raises(AssertionError, match="logits that its trained weights do not give"):
        require_own_logits(Trained(logits, state, 1.0, ()), names, exam, 7)


def test_what_is_not_a_number_is_not_alike():
    assert not alike(torch.full((4, 10), torch.nan), torch.randn(4, 10))


class Student:
    """A surface that nothing is asked of."""

    refused = {}  # noqa: RUF012

    def probe(self, expansion: int) -> None:
        return None

    def ResNet18(self, block: object = None) -> None:
        return None


@pytest.fixture
def trainer_of(monkeypatch, tmp_path):
    """Makes a trainer whose training process is played by a function."""
    stack = contextlib.ExitStack()

    def make(train, policy="all", outcomes=(), proof=None, source=None) -> Trainer:
        monkeypatch.setattr(trainer_module, "train_confined", train)
        monkeypatch.setattr(trainer_module, "prove", lambda *_: proof or Proof(None))
        context = TrainingContext(trainings.setup(policy=policy))
        context.data = trainings.data()
        stack.callback(context.close)
        slice_ = trainings.sliced(source or trainings.small(), tmp_path)
        return Trainer(context, slice_, 2**90 + 1).after(list(outcomes))

    with stack:
        yield make


def knows_all(slice_, exam, recipe, **_) -> Trained:
    return Trained(torch.nn.functional.one_hot(exam._answers, 10).float(), None, 12.34, ())


def knows_nothing(slice_, exam, recipe, **_) -> Trained:
    return Trained(torch.eye(10)[0].repeat(len(exam.heldout_images), 1), None, 1.0, ())


def test_what_a_training_found_out_is_recorded(trainer_of):
    trainer = trainer_of(knows_all, outcomes=ALL_PASSED)
    examined = trainer.examine(Student())
    assert (examined.accuracy, examined.threshold, examined.trained, examined.note) == (1.0, 0.5, True, "")
    record = {"trained": True, "accuracy": 1.0, "threshold": 0.5, "seconds": 12.3, "note": ""}
    assert trainer.record.to_json() == record


def test_what_is_mixed_up_is_said(trainer_of):
    examined = trainer_of(knows_nothing, outcomes=ALL_PASSED).examine(Student())
    assert examined.accuracy < 0.3
    assert "mixed up most: " in examined.note


def test_a_block_that_lost_points_is_replaced(trainer_of):
    asked = {}

    def train(*arguments, **options) -> Trained:
        asked.update(options)
        return knows_all(*arguments)

    examined = trainer_of(train, outcomes=[outcome("q1", "failed"), outcome("q3")]).examine(Student())
    assert not asked["own_block"]
    assert examined.note == OUR_BLOCK


def test_who_is_proved_need_not_be_trained(trainer_of):
    trainer = trainer_of(None, policy="unproved", outcomes=ALL_PASSED, proof=Proof({}))
    examined = trainer.examine(Student())
    assert not examined.trained
    assert examined.accuracy is None
    assert trainer.record.to_json() == {
        "trained": False, "accuracy": None, "threshold": 0.5, "seconds": None, "note": PROVED
    }  # fmt: skip


def test_another_draw_has_to_be_trained(trainer_of):
    proof = Proof({"a": "b"}, "its weights are drawn otherwise")
    with pytest.raises(AssertionError, match="do not give"):  # it was, and its logits held against its weights
        trainer_of(knows_all, policy="unproved", outcomes=ALL_PASSED, proof=proof).examine(Student())


def test_code_that_is_too_long_is_not_trained(trainer_of):
    source = trainings.small(init=f"self.table = '{'x' * 30_000}'")
    with pytest.raises(AssertionError, match="at most 20,000 are trained"):
        trainer_of(None, source=source).examine(Student())


def test_the_machines_fault_is_deferred(trainer_of):
    def fail(*_, **__):
        raise stopped(None, True)

    with pytest.raises(pytest.skip.Exception, match="Deferred: why"):
        trainer_of(fail).examine(Student())


def test_nothing_is_trained_without_calibration_or_data(tmp_path):
    assert TrainingContext(trainings.setup(calibration=None)).unavailable_reason.startswith(
        "its threshold is not calibrated yet"
    )
    assert TrainingContext(trainings.setup(problem="no data")).unavailable_reason == "no data"
    assert "there is no folder" in TrainingContext(trainings.setup(data=tmp_path / "nowhere")).unavailable_reason


def test_outcomes_of_this_run_count_more(trainer_of):
    trainer = trainer_of(knows_all, outcomes=[outcome("q1", "failed"), outcome("q3")]).after([outcome("q1")])
    assert {o.question: o.outcome for o in itertools.chain(trainer._outcomes)} == {"q1": "passed", "q3": "passed"}
