"""Trials: what one of the student's modules did with the weights it was given."""

import traceback
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from autograder.oracle.matching import classify_tensors, draw, untranspose, without_other_buffers
from autograder.oracle.observe import Aspect, Observation, observe, statistics_of, to_float64
from autograder.oracle.program import Program, basic_block, bottleneck, network
from autograder.oracle.randomness import Randomness, randomness, randomness_before_error
from autograder.oracle.small_images import CIFAR10, SMALL
from autograder.student.errors import NOT_ABOUT_THE_CODE as FATAL
from autograder.student.held_blocks import held_blocks
from autograder.student.passes import Proxy, in_train_mode
from autograder.student.probe import calls_of
from autograder.student.signature import accepts_classes, expansion_of
from autograder.student.state import load_state, outline_of, parameters_of, state_of

LOOKS_FOR_ITSELF = "super(type, obj)"
"""In what Python raises where `super(BasicBlock, self)` gets another class by that name."""


@dataclass(frozen=True)
class Task:
    """A module to build.

    Args:
        kind: "BasicBlock", "Bottleneck", "ResNet" or "ResNet18".
        arguments: `(in_planes, planes, stride)`, `(expansion, num_blocks, num_classes)`, or `()`.
        how: "positional", or "default": the last argument is left out.
        norm: whether the probes of a network have BatchNorm.
    """

    kind: str
    arguments: tuple = ()
    how: str = "positional"
    norm: bool = False

    @property
    def written(self) -> str:
        """The call, as the student would write it."""
        if self.kind == "ResNet18":
            return "ResNet18()"
        if self.kind == "ResNet":
            expansion, num_blocks, num_classes = self.arguments
            return f"ResNet(block, {list(num_blocks)}, num_classes={num_classes}) with block.expansion = {expansion}"
        in_planes, planes, stride = self.arguments
        return f"{self.kind}({in_planes}, {planes}{f', stride={stride}' if stride != 1 else ''})"

    @cached_property
    def program(self) -> Program:
        """The right program."""
        make = {"BasicBlock": basic_block, "Bottleneck": bottleneck}.get(self.kind, network)
        program = make(*(self.arguments or (1, (2, 2, 2, 2), 10)))
        if self.norm:
            program = program.change_all([one.name for one in program.ops if one.kind == "block"], normalizes=True)
        return replace(program, kind=self.kind).state(how=self.how)

    @property
    def expansion(self) -> int | None:
        """Of the probes of a network; None for a block."""
        return {"ResNet": (*self.arguments, 0)[0], "ResNet18": 1}.get(self.kind)

    @property
    def is_large(self) -> bool:
        """Whether one pass takes long: a network, or a block as wide as in a network."""
        return bool(self.expansion) or max(self.arguments) >= 64

    def build(self, student: Any, probe: Any = None, num_blocks: list[int] | None = None) -> Any:
        """Build the student's module.

        Args:
            probe: the class of a network's blocks; a new one of probes if it is not given.
            num_blocks: the list that a network is given, if the caller wants to look at it afterwards.
        """
        if self.kind == "ResNet18":
            return student.ResNet18(basic_block=probe or student.probe(1))
        make, arguments = getattr(student, self.kind), list(self.arguments)
        if self.kind == "ResNet":
            arguments = [
                probe or student.probe(arguments[0], self.norm),
                num_blocks or arguments[1],
                arguments[2],
            ]
            make = make.exactly if self.how == "default" else make
        return make(*arguments[: len(arguments) - (self.how == "default")])

    def shape(self, size: tuple[int, int]) -> tuple[int, ...]:
        """Shape of the input, (N, C, H, W): a network gets images as large as those of CIFAR-10, or `SMALL` ones."""
        if self.expansion:
            return 2, 3, *(size if size == SMALL else CIFAR10)
        return 1 if self.is_large else 3, self.arguments[0], *size


class Subject:
    """One of the student's modules: its tensors, the weights that are loaded into it, and what it did with them."""

    def __init__(self, task: Task, module: Any, generator: torch.Generator):
        self.task, self.module, self._generator = task, module, generator
        self.trials: list[Observation] = []
        self.calls: list[tuple[int, int, int]] | None = None
        self.facts: dict[str, Any] = {}
        self.random = Randomness()
        state = {name: value.detach() for name, value in outline_of(module).items()}
        parameters = frozenset(parameters_of(module))
        self.found = without_other_buffers(classify_tensors(state, parameters), task.program.roles)
        self.drawn = draw(state, self.found, generator)
        load_state(module, self.drawn)
        self.found, self._transposed = untranspose(self.found, task.program)

    @cached_property
    def exact(self) -> dict[str, Tensor]:
        """The weights that are loaded into it, in float64."""
        return to_float64({n: v.T if n in self._transposed else v for n, v in self.drawn.items()})

    @property
    def has_own_blocks(self) -> bool:
        """Whether a network builds none of the probes that it is given, but blocks of another class."""
        return self.calls == [] and len(self.found) > len(self.task.program.roles)

    @property
    def is_never_random(self) -> bool:
        """Whether it was looked for randomness in its output, and there is none."""
        return self.random.checked == "output" and not self.random.what

    @cached_property
    def tensors(self) -> Counter:
        """How many tensors the module has of each shape, learned and not; as `Program.tensors`."""
        return Counter((one.shape, one.learned) for one in self.found)

    def run(self, aspect: Aspect, size: tuple[int, int], afresh: bool = False, images: int = 0) -> Observation:
        """Run the module once, and keep the trial.

        Exceptions of the student's code are kept in the trial; those in `FATAL` are raised, and those of building the
        module or loading its weights, where that was postponed.

        Args:
            size: of a block's input, or `SMALL`.
            afresh: load the weights again first: train mode changes running statistics.
            images: how many, where it matters.
        """
        if afresh:
            load_state(self.module, self.drawn)
        if aspect == "gradient":
            self.module.zero_grad()
        trial = self._observe(aspect, size, images)
        self.trials.append(trial)
        return trial

    def run_in_train_mode(self, size: tuple[int, int], repeats: int) -> tuple[Observation, list[Any]]:
        """Run a block in train mode once with everything that is observed there, and a few times more.

        What the student's code raises is raised; so is `ValueError` where it returns something else than it should.

        Returns:
            the trial, with gradients and running statistics, and the other outputs.
        """
        _, planes, stride = self.task.arguments
        shape = self.task.shape(size)
        x = torch.randn(shape, generator=self._generator)
        out = (shape[0], planes * self.task.program.fact("expansion"), *(-(-side // stride) for side in size))
        upstream = torch.randn(out, generator=self._generator)
        found = in_train_mode(self.module, x, upstream, repeats)
        statistics, gradients = (
            {key.removeprefix(kind): value for key, value in found.items() if key.startswith(kind)}
            for kind in ("state ", "gradient ")
        )
        trial = Observation("gradient", x, upstream, found.get("y"), statistics=statistics, gradients=gradients)
        trial.input_gradient = found.get("x")
        self.trials.append(trial)
        return trial, [found.get(f"again {number}") for number in range(repeats)]

    @cached_property
    def other_gradient(self) -> Observation:
        """Another trial with gradients, on another input: see `judge.DRAWS`."""
        size = next(tuple(trial.x.shape[2:]) for trial in self.trials if trial.aspect == "gradient")
        load_state(self.module, self.drawn)
        self.module.zero_grad()
        return self._observe("gradient", size)

    def _observe(self, aspect: Aspect, size: tuple[int, int], images: int = 0) -> Observation:
        shape = self.task.shape(size)
        x = torch.randn(images or shape[0], *shape[1:], generator=self._generator)
        try:
            trial = observe(self.module, x, aspect, self._generator)
        except FATAL:
            raise
        except Exception as error:
            if getattr(error, "operation", "") in ("construct", "load_state_dict"):
                raise  # it was asked for before this
            statistics = statistics_of(self.module) if aspect == "train" else {}
            trial = Observation(aspect, x, None, None, statistics=statistics, error=_without_values(error))
        for name in self._transposed:
            if trial.gradients.get(name) is not None:
                trial.gradients[name] = trial.gradients[name].T
        return trial


@dataclass(frozen=True)
class NotBuilt:
    """A task whose module could not be built, and what the student's code raised."""

    task: Task
    error: Exception


@dataclass
class Evidence:
    """Everything that was observed of one question."""

    subjects: list[Subject] = field(default_factory=list)
    not_built: list[NotBuilt] = field(default_factory=list)


def collect(
    student: Any, tasks: Sequence[Task], size: tuple[int, int], seed: int, earlier: Evidence | None = None
) -> Evidence:
    """Build the modules of all tasks and run them: outputs, running statistics, gradients, and what raises.

    What `ResNet18()` builds is left out where it is made of `BasicBlock` and could not be made of probes: it took the
    class when it was defined, as a default argument does. No program says what such a network computes.

    Args:
        size: of a block's input.
        seed: of weights and inputs.
        earlier: of the same tasks. What does not depend on weights and inputs is not looked for again.

    Raises:
        StudentCrash, StudentTimeout, GraderBroken: the student's process is gone.
    """
    generator = torch.Generator().manual_seed(seed)
    evidence = Evidence()
    if tasks[0].kind == "ResNet" and not accepts_classes(student.parameters("ResNet")):  # a check of its own charges it
        tasks = [replace(t, arguments=(*t.arguments[:2], 10)) if t.kind == "ResNet" else t for t in tasks]
    known = {subject.task: subject for subject in earlier.subjects} if earlier else {}
    if earlier:  # without what was left out then
        tasks = [task for task in tasks if task in known or task in [one.task for one in earlier.not_built]]
    for task in tasks:
        try:
            before = known.get(task)
            again = before is None or not before.has_own_blocks  # otherwise this says it all, whatever they compute
            subject = _examine(student, task, size, generator, before) if again else before
            if before or not (subject.has_own_blocks and _is_of_basic_blocks(student, task, subject.module)):
                evidence.subjects.append(subject)
        except FATAL:
            raise
        except Exception as error:
            if task.kind == "ResNet18" and not earlier:
                error = _error_without_probes(student, task, error)
            if error is not None:
                evidence.not_built.append(NotBuilt(task, _without_values(error)))
    return evidence


def _is_of_basic_blocks(student: Any, task: Task, net: Any) -> bool:
    """Whether `net`, made by `ResNet18()`, is made of the student's own `BasicBlock`, in any number.

    It has the convolutions of the blocks, or the parameters of the student's own ResNet of such blocks, which may be
    wrong.
    """
    if task.kind != "ResNet18":
        return False
    _, missing = held_blocks(student, net, task.program.calls)
    if missing is None:
        return True
    try:
        plain = student.skeleton("ResNet", student.BasicBlock, [2, 2, 2, 2]).named_parameters()
    except FATAL:
        raise
    except Exception:
        return False
    shapes = [tuple(parameter.shape) for parameter in parameters_of(net).values()]
    return Counter(shapes) == Counter(tuple(parameter.shape) for _, parameter in plain)


def _error_without_probes(student: Any, task: Task, error: Exception) -> Exception | None:
    """What `ResNet18()` raises because of itself; None where only a probe is the reason why it raised the error.

    A `BasicBlock` that it took before looks for itself by its name, where now a probe is.
    """
    try:
        return None if _is_of_basic_blocks(student, task, student.ResNet18()) else error
    except FATAL:
        raise
    except Exception as own:
        return own if LOOKS_FOR_ITSELF in str(error) else error


def _without_values(error: Exception) -> Exception:
    """The error, whose traceback tells the lines alone: its frames hold the module and what was computed before."""
    lines = error.__traceback__ and error.__traceback__.tb_next  # the first one is that of who catches it
    traceback.clear_frames(lines)
    return error.with_traceback(lines)


def _examine(
    student: Any, task: Task, size: tuple[int, int], generator: torch.Generator, earlier: Subject | None
) -> Subject:
    probe = student.probe(task.expansion, task.norm) if task.expansion else None
    num_blocks = list(task.arguments[1]) if task.kind == "ResNet" else None
    module = task.build(student, probe, num_blocks)
    if not isinstance(module, (nn.Module, Proxy)):
        raise TypeError(f"{task.kind} is no module: {getattr(module, 'type_name', type(module).__name__)}")
    fresh = task.kind == "ResNet18"
    subject = Subject(task, module, generator)
    subject.calls = calls_of(probe, task.program.calls) if probe else None
    if num_blocks is not None and num_blocks != list(task.arguments[1]):
        subject.facts["list_changed"] = True
    if fresh:
        another = state_of(task.build(student, probe))
        shared = [f.name for f in subject.found if f.learned and torch.equal(another[f.name], subject.drawn[f.name])]
        subject.facts["shared"] = bool(shared) or None
        subject.run("fresh", size)
    elif not probe:
        subject.facts["expansion"] = expansion_of(getattr(student, task.kind))
    raised = subject.run("eval", size, afresh=fresh).error is not None
    if subject.has_own_blocks:
        return subject
    if task.norm:  # where it raises, running statistics tell which blocks were called before
        subject.run("train", size, afresh=True)
    if not fresh and task.how == "positional":
        trained = subject.run("train", size, afresh=True)
        if not raised:
            subject.random = earlier.random if earlier and earlier.is_never_random else randomness(subject)
            subject.run("gradient", size, afresh=True)
        elif trained.error is not None:
            subject.random = randomness_before_error(subject, trained)
    if probe and not fresh and task.how == "positional":
        subject.facts["blocks_not_called"] = not raised and _are_blocks_idle(subject)
    if len(subject.found) < len(task.program.roles) and subject.trials[0].error is None:
        subject.facts["hidden"] = _is_hidden(student, task, subject)
    if earlier and not any(trial.error is not None for trial in (*earlier.trials, *subject.trials)):
        return subject
    if probe and not fresh:
        subject.run("eval", size, afresh=True, images=1)
    elif not fresh:  # where shapes do not match, small images may still add up by broadcasting
        for other in ((2, 2), (5, 5)):
            subject.run("eval", other, afresh=True)
        if all(trial.error is not None for trial in subject.trials):
            _find_a_size(subject)
    return subject


def _are_blocks_idle(subject: Subject) -> bool:
    """Whether the output depends on none of the probes that the network built."""
    first, gradients = subject.trials[0], subject.trials[-1].gradients
    unused = [f for f in subject.found if gradients.get(f.name) is None]
    expansion = subject.task.expansion or 1
    built = Counter((expansion * planes, in_planes) for in_planes, planes, _ in subject.calls or ())
    if not isinstance(first.output, Tensor) or not built or not built <= Counter(f.shape for f in unused):
        return False
    # What is detached has no gradient either.
    load_state(subject.module, subject.drawn | {f.name: 2 * subject.drawn[f.name] for f in unused})
    with torch.no_grad():
        subject.module.eval()
        return torch.equal(subject.module(first.x.clone()), first.output)


def _find_a_size(subject: Subject) -> None:
    """Run a block on images of the sizes that it gets in the network: it may be made for one of them alone."""
    for side in (8, 16, 32):
        if subject.run("eval", (side, side), afresh=True).error is None:
            subject.run("train", (side, side), afresh=True)
            return


def _is_hidden(student: Any, task: Task, subject: Subject) -> bool:
    """Whether two modules with the same weights differ: there are layers that PyTorch does not see."""
    another, first = task.build(student), subject.trials[0]
    load_state(another, subject.drawn)
    with torch.no_grad():
        load_state(subject.module, subject.drawn)
        outputs = []
        for module in (subject.module, another):
            module.eval()
            outputs.append(module(first.x.clone()))
    return all(isinstance(y, Tensor) for y in outputs) and not torch.allclose(*outputs)
