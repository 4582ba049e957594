"""Evaluating a network: who is to blame when its training fails, and whether its logits are its own."""

import contextlib
import threading
import time

import pytest
import torch

from autograder.maintain.build import solved_source
from autograder.maintain.gallery import complete
from autograder.maintain.samples import entries
from autograder.oracle.full_network import alike, match
from autograder.oracle.matching import classify_tensors, draw
from autograder.student.errors import GraderBroken, StudentCrash, StudentError
from autograder.submission import Upload, read_source
from autograder.suite.outcome import Outcome
from autograder.suite.training import TrainingResult
from autograder.training import evaluate as evaluate_module
from autograder.training.context import TrainingContext
from autograder.training.evaluate import BASELINE_BLOCK, evaluate
from autograder.training.inside.baseline_network import resnet18
from autograder.training.inside.pixels import enlarge, normalize, reduce
from autograder.training.logits_check import has_passed, match_to_reference, require_own_logits
from autograder.training.retry import TWICE, retry
from autograder.training.slots import Slots
from autograder.training.train_confined import Trained, TrainingStopped
from tests.grader import trainings
from tests.grader.conftest import student_of


def outcome(question: str, result: str = "passed") -> Outcome:
    return Outcome(f"public/{question}.py::t", question, "T: t.", 1.0, 1.0, result, False)


ALL_PASSED = [outcome("q1"), outcome("q3")]


def test_a_question_is_passed_when_all_its_tests_are():
    assert has_passed(ALL_PASSED, "q1")
    assert not has_passed([*ALL_PASSED, outcome("q1", "failed")], "q1")
    assert not has_passed(ALL_PASSED, "q2"), "no test, no proof"


@pytest.mark.parametrize("alone", [False, True])
def test_slots(alone):
    """At most two at once; nobody beside one who must be alone."""
    slots, running, most = Slots(2), [], []

    def work(number: int) -> None:
        with slots.alone() if alone and number == 3 else slots.slot:
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

    def attempt(slot) -> Trained:
        with slot:
            end = next(left)
        if isinstance(end, TrainingStopped):
            raise end
        return end

    if ends[-1] is TRAINED:
        assert retry(attempt, Slots()) is TRAINED
    else:
        with pytest.raises(TrainingStopped) as caught:
            retry(attempt, Slots())
        assert type(caught.value.failure) is (kind or type(None))
        assert words in (str(caught.value.failure) if kind else caught.value.reason)
    assert next(left, None) is None, "as many attempts as it takes, and no more"


@pytest.mark.parametrize("name", ["solution", "zero_init_residual", "built_back_to_front"])
def test_right_networks_are_matched(name, tmp_path):
    """Names, order and initialization are free."""
    source = solved_source() if name == "solution" else complete(entries()[name], solved_source())
    names = match_to_reference(student_of(source, tmp_path), ALL_PASSED, torch.Generator().manual_seed(1))
    assert len(names) == 20 + 4 * 20 + 2


@pytest.mark.parametrize("outcomes", [[outcome("q1"), outcome("q3", "failed")], [outcome("q1")]])
def test_what_did_not_pass_is_not_matched(outcomes, tmp_path):
    assert match_to_reference(student_of(solved_source(), tmp_path), outcomes, torch.Generator()) is None


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
        logits = net(normalize(exam.heldout_images))
    return net, names, exam, logits


def test_logits_of_the_trained_network_are_believed(network):
    net, names, exam, logits = network
    require_own_logits(Trained(logits, net.state_dict(), 1.0, ()), names, exam.heldout_images, torch.arange(20))


def test_half_precision_is_believed(network):
    net, names, exam, _ = network
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        logits = net(normalize(exam.heldout_images)).float()
    require_own_logits(Trained(logits, net.state_dict(), 1.0, ()), names, exam.heldout_images, torch.arange(20))


@pytest.mark.parametrize("enlarged", [False, True])
def test_logits_of_reduced_images_are_believed_and_of_enlarged_ones(enlarged, network):
    net, names, exam, _ = network
    small = reduce(exam.heldout_images, 16)
    with torch.no_grad():
        logits = net(normalize(enlarge(small) if enlarged else small))
    require_own_logits(Trained(logits, net.state_dict(), 1.0, ()), names, small, torch.arange(20))


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
        require_own_logits(Trained(logits, state, 1.0, ()), names, exam.heldout_images, torch.arange(20))


def test_what_is_not_a_number_is_not_alike():
    assert not alike(torch.full((4, 10), torch.nan), torch.randn(4, 10))


class Student:
    """Classes that do nothing."""

    BasicBlock = None

    def probe(self, expansion: int) -> None:
        return None

    def ResNet18(self, block: object = None) -> None:
        return None


@pytest.fixture
def evaluate_with(monkeypatch):
    """Evaluates a submission, with a function in the place of the training process."""

    def evaluate_one(train, outcomes=(), names=None, source=None, student=None) -> TrainingResult:
        monkeypatch.setattr(evaluate_module, "train_confined", train)
        monkeypatch.setattr(evaluate_module, "match_to_reference", lambda *_: names)
        if student is None:
            for check in ("assert_built_of_blocks", "shapes_of_network", "require_same_network"):
                monkeypatch.setattr(evaluate_module, check, lambda *_: {})
        context = TrainingContext(trainings.setup())
        context.data = trainings.data()
        reading = read_source(Upload("net.py", {"net.py": (source or trainings.small()).encode()}))
        with contextlib.closing(context):
            return evaluate(context, reading, b"secret", outcomes, student or Student())

    return evaluate_one


def all_correct(slice_, exam, recipe, **_) -> Trained:
    return Trained(torch.nn.functional.one_hot(exam._answers, 10).float(), {}, 12.34, ())


def always_zero(slice_, exam, recipe, **_) -> Trained:
    return Trained(torch.eye(10)[0].repeat(len(exam.heldout_images), 1), {}, 1.0, ())


def test_a_training_is_measured(evaluate_with):
    assert evaluate_with(all_correct, ALL_PASSED) == TrainingResult(1.0, 0.5, 12.3, "6 epochs, reduced to 16x16 pixels")


def test_confused_classes_are_named(evaluate_with):
    result = evaluate_with(always_zero, ALL_PASSED)
    assert result.accuracy < 0.3
    assert "confused most often: " in result.note


def test_a_block_that_lost_points_is_replaced(evaluate_with):
    asked = {}

    def train(*arguments, **options) -> Trained:
        asked.update(options)
        return all_correct(*arguments)

    result = evaluate_with(train, [outcome("q1", "failed"), outcome("q3")])
    assert not asked["own_block"]
    assert result.note == BASELINE_BLOCK


def test_what_is_not_built_of_blocks_is_not_trained(evaluate_with, tmp_path):
    failure = evaluate_with(None, student=student_of(trainings.small(), tmp_path)).failure
    assert "the network is built of blocks" in str(failure)


def test_a_block_that_resnet_looks_into_is_not_replaced(evaluate_with, tmp_path):
    """Its initialization reads `second_norm`, which neither a probe nor the baseline network's block has."""
    asked = {}

    def train(*arguments, **options) -> Trained:
        asked.update(options)
        return all_correct(*arguments)

    source = complete(entries()["initialised_inside_resnet"], solved_source())
    result = evaluate_with(train, [outcome("q1", "failed"), outcome("q3")], student=student_of(source, tmp_path))
    assert asked["own_block"]
    assert result.note == ""


def test_logits_are_checked_where_the_network_is_matched(evaluate_with):
    result = evaluate_with(all_correct, ALL_PASSED, names={"linear.weight": "a"})
    assert "do not give" in str(result.failure)


def test_code_that_is_too_long_is_not_trained(evaluate_with):
    source = trainings.small(init=f"self.table = '{'x' * 30_000}'")
    assert "at most 20,000 are trained" in str(evaluate_with(None, source=source).failure)


@pytest.mark.parametrize("failure", [None, StudentCrash("it crashed.")])
def test_a_training_that_stops_is_deferred_or_the_students_failure(failure, evaluate_with):
    def fail(*_, **__):
        raise stopped(failure, False)

    assert evaluate_with(fail) == TrainingResult(deferred="" if failure else "why", failure=failure)


def test_what_building_the_network_raises_is_the_students_failure_but_for_the_graders_own(evaluate_with):
    class Raises(Student):
        def __init__(self, error: Exception):
            self.error = error

        def ResNet18(self, block: object = None) -> None:
            raise self.error

    error = ValueError("theirs")
    assert evaluate_with(None, student=Raises(error)).failure is error
    with pytest.raises(GraderBroken):
        evaluate_with(None, student=Raises(GraderBroken("ours")))


def test_nothing_is_trained_without_data(tmp_path):
    context = TrainingContext(trainings.setup(problem="no data"))
    assert evaluate(context, None, b"", [], None) == TrainingResult(deferred="no data")
    assert "there is no folder" in TrainingContext(trainings.setup(data=tmp_path / "nowhere")).unavailable_reason
