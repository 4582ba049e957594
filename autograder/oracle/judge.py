"""Compare the student's module with the reference, on weights and inputs that are drawn afresh."""

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from autograder.oracle.matching import Assignment, Found, assignments, compare, likeliest_extra
from autograder.oracle.naming import proved_diagnosis
from autograder.oracle.observe import ABOUT_GRADIENTS, TOLERANCE, Aspect, Observation, difference, replay
from autograder.oracle.program import Program, squeeze_shape
from autograder.oracle.small_images import SMALL, refuse_small_images, takes_small_images
from autograder.oracle.symptoms import symptoms
from autograder.oracle.trial import FATAL, Evidence, NotBuilt, Subject, Task
from autograder.student.errors import GraderBroken
from autograder.student.message import NO_MESSAGE, CheckFailure, Message
from autograder.student.passes import is_there, outputs_of, settle
from autograder.student.state import parameters_of

DRAWS = 3
"""Draws of weights and input; gradients must agree on one of them. An activation within rounding of zero can switch a
ReLU, and with it a gradient, in a right block too; a wrong block agrees on none."""
REPEATS, REPEATS_OF_LARGE = 6, 2
"""Passes in train mode that must give the same output: a branch that is dropped at random would differ. Small modules
show a branch that is rarely dropped; see `Task.is_large`."""
SIZE = (8, 6)
"""Height and width of a block's input; not square, because a block must work for any size."""
Kind = Literal["BasicBlock", "Bottleneck"]
Mode = Literal["eval", "train"]

FULL_SEARCHES = 4
"""Searches through all assignments of tensors to roles that may find none that agrees, in one question. For a right
module every search finds one; for a wrong one none does, at any shape, and that must not take the grader long."""
LIKELIEST = 8
"""Assignments that are tried with small images."""
FEWEST_ATTEMPTS = 36
"""Assignments that are tried after that: every order of three layers, each with its own BatchNorm."""

_searches: WeakKeyDictionary[Any, Counter[str]] = WeakKeyDictionary()
_orders: WeakKeyDictionary[Any, dict[tuple[str, frozenset[str]], Assignment]] = WeakKeyDictionary()
"""For each student, class and set of roles, which tensor has which role: found out with one module, and tried first
with others. Modules with other roles may have found another of two assignments that compute the same."""
_looks: WeakKeyDictionary[Any, dict[tuple[Task, Mode], bool]] = WeakKeyDictionary()
"""Each student's blocks that were looked at, and whether they are right, see `is_right`."""
_right: WeakKeyDictionary[Any, dict[Task, Subject]] = WeakKeyDictionary()
"""Each student's modules that were right in one check, and are looked at in another one."""


@dataclass(frozen=True)
class Verdict:
    """Whether a module agrees with the reference, and if not, what to tell the student."""

    agrees: bool
    message: Message = NO_MESSAGE
    mistakes: tuple[str, ...] = ()

    def require(self) -> None:
        """Raise `CheckFailure` unless the module agrees with the reference."""
        if not self.agrees:
            raise CheckFailure(self.message, self.mistakes)


def judge_block(student: Any, kind: Kind, in_planes: int, planes: int, stride: int, *, aspect: Aspect) -> Verdict:
    """Compare a block with the reference; weights and input are drawn from torch's own generator.

    Args:
        student: the student's classes, see `autograder.student`.
        kind: which of the two blocks.
        in_planes, planes, stride: its constructor's arguments.
        aspect: "eval" (output), "train" (output and running statistics) or "gradient" (of input and parameters).

    Raises:
        Exception: the student's code raised; where a mistake is proved to cause it, the exception has the attributes
            `mistakes` (names) and `mistake` (sentences).
    """
    mode = "eval" if aspect == "eval" else "train"
    if is_right(student, kind, in_planes, planes, stride, mode=mode):
        return Verdict(True)
    return _judge(student, Task(kind, (in_planes, planes, stride)), aspect)


def is_right(
    student: Any, kind: Kind, in_planes: int, planes: int, stride: int | None = None, *, mode: Mode = "eval"
) -> bool:
    """Whether a block is right in eval mode, or in train mode: there with its running statistics and all gradients.

    It is built once for both. What is right with random weights is right with those of any check, which need not build
    it again, nor look at each step. Where this is False, a block may be right all the same: after one of a class that
    is wrong, the others are left to the checks. The random numbers of the check stay as they are.

    Args:
        stride: None where the constructor is called without it.

    Raises:
        StudentTimeout, StudentCrash: the worker is gone.
    """
    getattr(student, kind)  # the check depends on this name, and so says the journal of the suite
    task = Task(kind, (in_planes, planes, stride or 1), "default" if stride is None else "positional")
    looks = _looks.setdefault(student, {})
    if (task, mode) not in looks:
        settle(student)
        known_wrong = any(one.kind == kind and how == mode and not right for (one, how), right in looks.items())
        looks[task, mode] = not known_wrong and _look(student, task, mode)
    return looks[task, mode]


def _look(student: Any, task: Task, mode: Mode) -> bool:
    with torch.random.fork_rng(devices=[]):
        generator = torch.Generator().manual_seed(int(torch.randint(1 << 31, ())))
        try:
            earlier = _take_right(student, task)
            subject = earlier or Subject(task, _built(student, task), generator)
            agrees = (_agrees_in_train_mode if mode == "train" else _agrees_in_eval_mode)(student, subject)
        except FATAL:
            raise
        except Exception:  # the checks find out what it is
            return False
        if agrees and earlier is None:
            _right.setdefault(student, {})[task] = subject
        return agrees


def _built(student: Any, task: Task) -> Any:
    """A block with as many parameters as it should have."""
    module = task.build(student)
    wanted = sum(math.prod(role.shape) for role in task.program.roles if role.kind not in ("mean", "var"))
    if sum(parameter.numel() for parameter in parameters_of(module).values()) != wanted:
        raise ValueError("another number of parameters")
    return module


def _agrees_in_eval_mode(student: Any, subject: Subject) -> bool:
    trial = subject.run("eval", SIZE, afresh=bool(subject.trials))
    return trial.error is None and not _compare(student, subject, trial)[1]


def _agrees_in_train_mode(student: Any, subject: Subject) -> bool:
    trial, again = subject.run_in_train_mode(SIZE, _repeats(subject.task))
    return not _compare(student, subject, trial)[1] and all(_is_same(output, trial.output) for output in again)


def judge_network(
    student: Any, expansion: int, num_blocks: Sequence[int], num_classes: int, *, aspect: Aspect
) -> Verdict:
    """Compare a network of probe blocks with the reference; see `judge_block`.

    Args:
        expansion: of the probe blocks.
    """
    return _judge(student, Task("ResNet", (expansion, tuple(num_blocks), num_classes)), aspect)


def _judge(student: Any, task: Task, aspect: Aspect) -> Verdict:
    generator = torch.Generator().manual_seed(int(torch.randint(1 << 31, ())))
    if task.kind == "ResNet" and takes_small_images(student):
        if _agrees_on_small_images(student, task, aspect, generator):
            return Verdict(True)
        refuse_small_images(student)
    for left in reversed(range(DRAWS if aspect == "gradient" else 1)):
        try:
            subject = Subject(task, task.build(student), generator)
            trial = subject.run(aspect, SIZE)
        except FATAL:
            raise
        except Exception as error:
            raise _explained(error, student, Evidence(not_built=[NotBuilt(task, error)])) from None
        if trial.error is not None:
            raise _explained(trial.error, student, Evidence([subject]))
        try:
            expected, complaint, again = _compare(student, subject, trial)
        except Exception as error:
            raise GraderBroken(f"the reference for {task.written} failed: {error!r}") from error
        if not complaint:
            if aspect == "train" and not _is_repeatable(subject, trial):
                return _named(_not_repeatable(task), student, subject)
            return Verdict(True)
        if not left or not again:
            formula = {"what": task.written, "formula": FORMULAS[task.kind]}
            message = Message(EXPECTED[aspect].format(**formula), complaint, "; ".join(symptoms(trial, expected)))
            return _named(message, student, subject)
    raise AssertionError("unreachable")


def _agrees_on_small_images(student: Any, task: Task, aspect: Aspect, generator: torch.Generator) -> bool:
    """Whether a network agrees with the reference on small images, by the likeliest assignments of tensors.

    If not, it is judged on images as large as those of CIFAR-10, as if it had not been asked for this.
    """
    try:
        subject = _take_right(student, task) or Subject(task, task.build(student), generator)
        trial = subject.run(aspect, SMALL, afresh=bool(subject.trials))
        if trial.error is not None:
            return False
        if _compare(student, subject, trial, LIKELIEST)[1]:
            return False
        if aspect == "train" and not _is_repeatable(subject, trial):
            return False
    except FATAL:
        raise
    except Exception:
        return False
    if task.expansion == 1:  # others take much memory
        _right.setdefault(student, {})[task] = subject
    return True


def _take_right(student: Any, task: Task) -> Subject | None:
    """A module that another check found right; the next one builds its own if this one does not."""
    subject = _right.get(student, {}).pop(task, None)
    if subject is None or not is_there(subject.module):
        return None
    getattr(student, task.kind)  # the check depends on this name, and so says the journal of the suite
    return subject


def _compare(
    student: Any, subject: Subject, trial: Observation, most: int | None = None
) -> tuple[Observation | None, str, bool]:
    """Return what was expected, by the likeliest assignment of tensors, and what differs; "" where nothing does.

    The third value says whether, by some assignment, only gradients differ: then other weights may decide.

    Args:
        most: assignments to try; if not given, all of them, as long as `FULL_SEARCHES` allows.
    """
    nearest, first, program, kind = "", None, subject.task.program, subject.task.kind
    searches = _searches.setdefault(student, Counter())
    found_before = _orders.setdefault(student, {})
    known = _known(found_before, program, subject.found)
    if most is None and (known or searches[kind] == FULL_SEARCHES):
        most = FEWEST_ATTEMPTS
    tried, again = 0, False
    for names in itertools.islice(itertools.chain(known, assignments(program.roles, subject.found)), most):
        attempt = replay(program, names, subject.exact, trial)
        complaint = difference(attempt, trial)
        if not complaint:
            found_before[kind, frozenset(names)] = names
            return attempt, "", False
        again = again or complaint.startswith(ABOUT_GRADIENTS)
        if first is None:
            first, nearest = attempt, complaint
        tried += 1
    if tried > FEWEST_ATTEMPTS:
        searches[kind] += 1
    return first, nearest or _inventory_complaint(program, subject.found), again


def _known(
    before: dict[tuple[str, frozenset[str]], Assignment], program: Program, found: list[Found]
) -> list[Assignment]:
    """The assignment that was right for another module, one with the same roles if there is one; none if none fits."""
    if any(compare(program.roles, found)):
        return []
    wanted = {role.name: squeeze_shape(role.shape) for role in program.roles}
    shapes = {one.name: one.shape for one in found}
    likely = [names for (kind, _), names in before.items() if kind == program.kind and names.keys() >= wanted.keys()]
    for names in sorted(likely, key=len):
        if all(shapes.get(names[role]) == shape for role, shape in wanted.items()):
            return [{role: names[role] for role in wanted}]
    return []


def _is_repeatable(subject: Subject, trial: Observation) -> bool:
    """Whether in train mode the output depends on the batch alone, however often it is computed."""
    again = outputs_of(subject.module, [trial.x] * _repeats(subject.task))
    return all(_is_same(output, trial.output) for output in again)


def _not_repeatable(task: Task) -> Message:
    return Message(
        expected=f"in train mode, {task.written} returns the same output whenever it gets the same batch",
        got="a later pass gives another output for the same batch",
        hint="is there dropout, another random number, or a value that one forward pass leaves for the next?",
    )


def _repeats(task: Task) -> int:
    return REPEATS_OF_LARGE if task.is_large else REPEATS


def _is_same(again: Any, expected: Tensor) -> bool:
    """Whether a later pass gives the same output as the first one."""
    if not isinstance(again, Tensor) or again.shape != expected.shape or not again.is_floating_point():
        return False
    return float((again - expected).abs().max()) <= TOLERANCE * float(expected.abs().max())  # not if it is no number


def _explained(error: Exception, student: Any, evidence: Evidence) -> Exception:
    """Attach the mistake that causes an exception of the student's code, where it can be proved."""
    one = (*evidence.subjects, *evidence.not_built)[0]
    diagnosis = proved_diagnosis(student, evidence, one.task.kind)
    if diagnosis is not None:
        error.mistakes, error.mistake = diagnosis.names, "\n".join(diagnosis.sentences)
    return error


def _named(message: Message, student: Any, subject: Subject) -> Verdict:
    """A verdict with the mistake that causes it, where it can be proved."""
    diagnosis = proved_diagnosis(student, Evidence([subject]), subject.task.kind)
    if diagnosis is None:
        return Verdict(False, message)
    hint = PROOF_BUT_RANDOM if subject.random.what else PROOF
    return Verdict(False, replace(message, mistake="\n".join(diagnosis.sentences), hint=hint), diagnosis.names)


def _inventory_complaint(program: Program, found: list[Found]) -> str:
    """What is missing or left over among the parameters, in words."""
    missing, extra = compare(program.roles, found)
    extra = likeliest_extra(extra, found)
    parts = []
    if missing:
        parts.append("there is no " + ", no ".join(f"{WORDS[r.kind]} of shape {r.shape}" for r in missing[:3]))
    if extra:
        parts.append("not expected: " + ", ".join(f"{f.name} {f.shape}" for f in extra[:3]))
    return "among its parameters, " + "; ".join(parts) if parts else "something else"


WORDS = {
    "weight": "weight",
    "gamma": "BatchNorm weight",
    "beta": "BatchNorm bias",
    "mean": "running mean",
    "var": "running variance",
    "bias": "bias",
}
EXPECTED = {
    "eval": "in eval mode, with any weights, {what} computes {formula}",
    "train": "in train mode {what} computes {formula}, each BatchNorm with the statistics of the batch, and updates "
    "their running mean and variance",
    "gradient": "the gradients of {what}, at its input and at every parameter, are those of {formula}",
}
PROOF = "With exactly this change the reference computes what your code computes."
PROOF_BUT_RANDOM = "In everything that does not change from pass to pass, your code agrees with the reference."
FORMULAS = {
    "BasicBlock": "relu(bn(conv3x3(relu(bn(conv3x3(x))))) + shortcut(x))",
    "Bottleneck": "relu(bn(conv1x1(relu(bn(conv3x3(relu(bn(conv1x1(x)))))))) + shortcut(x))",
    "ResNet": "linear(avg_pool(stages(relu(bn(conv3x3(x))))))",
}
