"""Which checks fail because of the mistakes that were diagnosed: those that fail on the right program with them made.

The edited programs of the oracle become classes, and the same checks run on these. What a program does not say, such as
what a random number is, raises here; so such a check counts as one that fails because of the mistake.
"""

import contextlib
import enum
import functools
import math
import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from autograder.oracle import diagnosis_of
from autograder.oracle.diagnose import CLASSES, seen_besides, tasks_of
from autograder.oracle.diagnosis import Diagnosis
from autograder.oracle.edits import SEEN_ONLY, Edit, Hints, apply, task_of
from autograder.oracle.edits.constructor import other_stages
from autograder.oracle.edits.kind import NOT_CALLABLE, Change
from autograder.oracle.interpreter import Memory, run
from autograder.oracle.program import UNUSED, Program, Role
from autograder.oracle.trial import Task
from autograder.student.errors import NOT_ABOUT_THE_CODE, GraderBroken, StudentError
from autograder.student.local import LocalStudent
from autograder.suite.expect import in_eval_mode
from autograder.suite.journal import Journal, Watched
from autograder.suite.outcome import Case
from autograder.suite.run import run_suite

CALLED = {"gamma": "weight", "beta": "bias", "mean": "running_mean", "var": "running_var"}
"""What PyTorch calls the tensors of a BatchNorm."""
OTHER_TYPES = {"float16": torch.float16, "float64": torch.float64, "bfloat16": torch.bfloat16}
ONLY_IN_PLACE = "doesn't match the broadcast shape"
"""What `out += shortcut` raises where the shapes differ and `out + shortcut`, as in a program, repeats values."""
DRAWS = 3
"""Draws of weights and inputs for a check that passes: with some draws a check misses the mistake."""
BESIDES = {"dropout": "with dropout switched off", "lists": "with the list of layers taken for its layers"}
"""What is said of a check that fails for another reason, by `Diagnosis.besides`."""
UNKNOWN = "NotImplementedError"
"""What raises where a program does not say what the student's class does."""
SIZES = ((6, 4), (5, 5), (2, 2))
"""Height and width of a block's inputs; small ones may add up by broadcasting where others raise."""
WITHOUT_A_SUM = ("only", "concatenate", "concatenate_reverse", "stack", "stack_reverse")
"""Ways to combine two values whose result need not have the shape of F(x)."""
_failing: dict[tuple, dict[str, bool]] = {}
"""For the edited programs of a question, which cases fail on them: computed once in a process."""


class Known(enum.IntEnum):
    """How much of what the class computes a diagnosis was compared with."""

    NOTHING = 0
    """It always raises, returns no tensor, or has layers that nobody sees: the rest of it may be anything."""
    SHAPES = 1
    """Where it runs at all, of its shortcut only the identity, or which layers it has, where forward calls None. The
    function is not explained."""
    PART = 2
    """All that it computes; but the mistakes do not explain all of it: there is another one, which is not known."""
    VALUES = 3


def follow(folders: Collection[Path], student: Any, question: str, cases: Mapping[str, Case]) -> dict[str, Case]:
    """Set `because` in the cases that fail because of the mistakes that were diagnosed in the student's question.

    A case that fails for another reason loses the name of the mistake. Where nothing was compared, the names stay, and
    no case is said to fail because of them: each is charged by itself. So is a case that compares the function, where
    that is not explained. Where such a case raises because of them, it is stopped; see `suite.cap`.

    Args:
        folders: of the tests.
        cases: cases that fail on the student's code and have a name, by `suite.plugin.case_id`.
    """
    diagnosis = diagnosis_of(student, question)
    mine = {} if diagnosis is None else {n: c for n, c in cases.items() if set(c.mistakes) <= set(diagnosis.names)}
    if not mine:
        return {}
    if diagnosis.besides:
        return _follow_besides(folders, student, question, mine, diagnosis)
    edits = (*diagnosis.mistakes, *diagnosis.either[:1])
    if diagnosis.either:
        mine = {name: _with_either(case, diagnosis) for name, case in mine.items()}
    edited = EditedStudent(question, edits, student)
    known = how_known(student, edited, question, edits)
    if known is Known.VALUES and not (diagnosis.complete or diagnosis.either):
        known = Known.PART
    if known is Known.NOTHING:
        return {name: replace(case, because=()) for name, case in mine.items()}
    wanted = {name for name, case in mine.items() if not case.because}
    failing = _failing_cases(edited, folders, question, _key(question, edits), wanted)
    several = {n: c for n, c in mine.items() if len(c.mistakes) > 1 and (c.because or n in failing)}
    mine |= _with_own_reasons(folders, student, question, several, diagnosis)
    found = {}
    for name, case in mine.items():
        if not (case.because or name in failing or ONLY_IN_PLACE in case.message.got):
            where = case.message.where if case.outcome == "error" else ""  # otherwise a line of the mistake's layer
            found[name] = replace(case, mistakes=(), message=replace(case.message, mistake="", where=where))
        else:
            unseen = case.differs and known is not Known.VALUES
            stopped = unseen and known is Known.SHAPES and case.outcome == "error"
            found[name] = replace(case, because=() if unseen and not stopped else case.mistakes, stopped=stopped)
    return found


def _with_own_reasons(
    folders: Collection[Path], student: Any, question: str, cases: Mapping[str, Case], diagnosis: Diagnosis
) -> dict[str, Case]:
    """Cases that fail with several mistakes made; each keeps those with which it fails alone.

    One that fails with none alone fails because of all of them. So it is with a mistake that fails no case alone.
    """
    edits = [(edit.name, edit) for edit in diagnosis.mistakes]
    edits += [(diagnosis.either_name, edit) for edit in diagnosis.either[:1]]
    alone = {}
    for name in dict.fromkeys(name for name, _ in edits if name and cases):
        made = tuple(edit for mine, edit in edits if mine in (name, ""))  # one without a name is another right way
        edited = EditedStudent(question, made, student)
        alone[name] = _failing_cases(edited, folders, question, _key(question, made), set(cases)) or set(cases)
    found = {}
    for id, case in cases.items():
        sentences = case.message.mistake.split("\n")
        told = [(name, text) for name, text in zip(case.mistakes, sentences, strict=False) if id in alone.get(name, ())]
        if told and len(sentences) == len(case.mistakes):
            mistakes, sentences = zip(*told, strict=True)
            case = replace(case, mistakes=mistakes, message=replace(case.message, mistake="\n".join(sentences)))
        found[id] = case
    return found


def _key(question: str, edits: Sequence[Edit]) -> tuple:
    """What says which edited classes these are."""
    programs = tuple(apply(edits, task.program) for task in tasks_of(CLASSES[question]))
    names = tuple(dict.fromkeys(edit.name for edit in edits if edit.name))
    seen = [object()] if SEEN_ONLY & set(names) else []  # other networks of this student are its own
    return (question, names, programs, *seen)


def _with_either(case: Case, diagnosis: Diagnosis) -> Case:
    """The case with the mistake that is one of several, besides those that are certain."""
    if case.mistakes != diagnosis.names:
        return case
    sentences = "\n".join([*diagnosis.sentences, diagnosis.either_sentence])
    return replace(
        case, mistakes=(*case.mistakes, diagnosis.either_name), message=replace(case.message, mistake=sentences)
    )


def _follow_besides(
    folders: Collection[Path], student: Any, question: str, cases: Mapping[str, Case], diagnosis: Diagnosis
) -> dict[str, Case]:
    """As `follow`, where the first mistake hides others: the checks run once more without it, see `seen_besides`.

    Those that pass then fail because of that mistake. Those that fail do so because of the other mistakes, and of the
    first one too if it is one of their reasons: with it alone they fail.
    """
    silent, journal = Watched(student, Journal()), Journal(known=_AllBut(set(cases)))
    with seen_besides(student, diagnosis.besides):
        arguments = {"diagnose": diagnosis_of, "follow": functools.partial(follow, folders)}
        run_suite(silent, folders, only=[question], journal=journal, **arguments)
    hiding = diagnosis.mistakes[:1]
    alone = _failing_cases(EditedStudent(question, hiding), folders, question, _key(question, hiding), set(cases))
    found = {}
    for name, case in cases.items():
        other = journal.cases[name]
        if other.outcome != "passed" and not other.because:
            message = other.message
            if other.outcome == "failed":
                message = replace(message, got=f"{BESIDES[diagnosis.besides]}, {message.got}")
            found[name] = replace(case, mistakes=(), because=(), message=replace(message, mistake=""))
            continue
        too = other.outcome == "passed" or name in alone
        because = (*([hiding[0].name] if too else []), *other.because)
        sentences = "\n".join([*diagnosis.sentences[: int(too)], *filter(None, [other.message.mistake])])
        stopped = other.stopped or (diagnosis.besides == "lists" and case.differs and case.outcome == "error")
        message = replace(case.message, mistake=sentences)
        found[name] = replace(case, mistakes=because, because=because, message=message, stopped=stopped)
    return found


def how_known(student: Any, edited: "EditedStudent", question: str, edits: Sequence[Edit]) -> Known:
    """Whether the student's class computes anything that the edited program could be compared with."""
    tasks = [task for task in tasks_of(CLASSES[question]) if task.how == "positional"]
    wanted, compared, runs = {_projects(task) for task in tasks}, set(), False
    for task in tasks:
        program = apply(edits, task.program)
        visible = program is not None and all(one["registered"] for one in program.ops)
        runs |= visible and program.fact("forward_raises") == NOT_CALLABLE  # it has the layers of the program
        if program is None or any(program.fact(fact) for fact in ("opaque", "raises", "forward_raises")):
            continue
        for size in SIZES if visible else ():
            if _projects(task) in compared:
                break
            x = torch.randn(task.shape(size), generator=torch.Generator().manual_seed(0))
            try:
                output = _run(edited, task, x)
            except StudentError as error:
                runs |= error.kind != UNKNOWN
                continue
            if not isinstance(output, Tensor):
                break
            runs = True
            if _repeats_residual(program, x):
                continue
            with contextlib.suppress(Exception):  # a check of its own may raise
                if isinstance(_run(student, task, x), Tensor):
                    compared.add(_projects(task))
    return Known.VALUES if compared == wanted else Known.SHAPES if runs else Known.NOTHING


def _repeats_residual(program: Program, x: Tensor) -> bool:
    """Whether a sum fits only because F(x) is repeated, as a map of one pixel is.

    That is an accident of the size of the image: the same block with `out += shortcut` raises there.
    """
    if not any(one.kind == "combine" for one in program.ops):
        return False
    memory = Memory()
    weights = {role.name: torch.ones(role.shape) for role in program.roles}
    run(program, weights, x, False, memory)
    sums = [step for step in memory.values() if step.op.kind == "combine" and step.op["how"] not in WITHOUT_A_SUM]
    return any(step.value is not None and step.value.shape != step.inputs[0].shape for step in sums)


def _projects(task: Task) -> bool:
    return "shortcut_conv" in task.program.by_name


def _run(student: Any, task: Task, x: Tensor) -> Any:
    with torch.no_grad():
        return in_eval_mode(task.build(student))(x.clone())


def _failing_cases(
    edited: "EditedStudent", folders: Collection[Path], question: str, key: tuple, cases: set[str]
) -> set[str]:
    """Those of the cases that fail on the edited classes; `key` says which classes these are."""
    known = _failing.setdefault(key, {})
    unknown = cases - known.keys()
    for seed in range(DRAWS) if unknown else ():
        journal = Journal(known=_AllBut(unknown))
        try:
            run_suite(edited, folders, only=[question], seed=seed, journal=journal)
        except GraderBroken as broken:  # the diagnosis is a proof for the function, whatever else there is
            warnings.warn(f"{question} could not be judged with its mistakes: {broken}", RuntimeWarning, stacklevel=2)
            return cases
        known.update({case: journal.cases[case].outcome != "passed" for case in unknown})
        unknown = {case for case in unknown if not known[case]}
        if not unknown:
            break
    return {case for case in cases if known[case]}


class _AllBut(dict[str, Case]):
    """Says of every case but some that it passed, so that it is not run."""

    def __init__(self, wanted: set[str]):
        self._wanted = wanted

    def __contains__(self, case: object) -> bool:
        return case not in self._wanted

    def __missing__(self, case: str) -> Case:
        return Case("passed")


class EditedStudent(LocalStudent):
    """Classes that do what the right programs do, with edits made in one question.

    Args:
        question: "q1" to "q3".
        edits: of its class.
        student: whose edits these are; asked for the blocks of a network where an edit knows only those that it saw.
    """

    has_own_blocks = False  # a program has probes for blocks

    def __init__(self, question: str, edits: Sequence[Edit], student: Any = None):
        mine = {kind: tuple(edits) if CLASSES[question] == kind else () for kind in CLASSES.values()}
        classes = {kind: block_class(kind, mine[kind]) for kind in ("BasicBlock", "Bottleneck")}
        super().__init__({**classes, "ResNet": network_class(mine["ResNet"], student)})
        self._edits, self._network, self._student = mine["ResNet"], None, student

    def ResNet18(self, basic_block: type[nn.Module] | None = None) -> nn.Module:
        """The network that the edited function returns."""
        program = make(self._edits, Task("ResNet18"), self._student)
        if self._network is None or not program.fact("shared"):
            self._network = Network(program, basic_block or self.BasicBlock)
        return self._network.train(program.fact("mode") != "eval")


def make(edits: Sequence[Edit], task: Task, student: Any = None) -> Program:
    """The edited program of a task.

    Raises:
        StudentError: the edited constructor raises, or nobody knows what it makes.
    """
    if task.expansion and SEEN_ONLY & {edit.name for edit in edits}:
        edits = [replace(e, change=_as_built(student, task)) if e.name in SEEN_ONLY else e for e in edits]
    program = apply(edits, task.program)
    if program is None or program.fact("opaque"):
        raise StudentError(UNKNOWN, f"{task.written} is not known", "")
    if raises := program.fact("raises"):
        raise StudentError(*raises, "")
    held = program.by_name.get(UNUSED)
    if held is not None and not held["tensors"]:  # of which shape they are in this task is not known
        program = program.put(held.but(tensors=tuple((layer, "gamma", (1,)) for layer in held["layers"])))
    return program


def _as_built(student: Any, task: Task) -> Change:
    """The edit that builds the blocks that the student's network builds for this task."""
    probe = student.probe(task.expansion)
    try:
        task.build(student, probe)
        calls = tuple(map(tuple, probe.calls))
    except NOT_ABOUT_THE_CODE:
        raise
    except Exception as error:
        raise StudentError(UNKNOWN, f"{task.written} raises {error!r}", "") from None
    _, change = next(other_stages(task.program, Hints(calls=((task_of(task.program), calls),))))
    return change


class Module(nn.Module):
    """A module that computes a program; its tensors have the names of the program's operations."""

    def __init__(self, program: Program):
        super().__init__()
        self.program = program
        for one in program.ops:
            if not one["registered"]:  # nor do train() and eval() reach it
                mode = {"statistics": "batch"} if one.kind == "norm" else {}
                self.program = self.program.change(one.name, registered=True, **mode)
        visible = {role.name for role in program.roles}
        self._tensors: dict[str, tuple[Mapping[str, Tensor], str]] = {}
        """For each role the dictionary that holds its tensor, and the key: loading a state replaces no tensor."""
        for one in self.program.ops:
            for role in one.roles if one.kind != "block" else ():
                self._hold(one.name, role, role.name in visible)

    def forward(self, x: Tensor) -> Any:
        """What the program computes. Raises `StudentError` where it raises."""
        if raises := self.program.fact("forward_raises"):
            raise StudentError(*raises, "")
        tensors = {role: where[key] for role, (where, key) in self._tensors.items()}
        try:
            result = run(self.program, tensors, x, self.training)
        except Exception as error:
            raise StudentError(type(error).__name__, str(error), "") from None
        with torch.no_grad():
            for role, value in result.statistics.items():
                if value is not tensors[role]:
                    tensors[role].copy_(value)
            if result.x is not x:
                x.copy_(result.x)  # the backward pass notices it, as it does with the student's code
        if result.form == "NoneType":
            return None
        if result.output is None or result.form not in ("", *OTHER_TYPES):
            raise StudentError(UNKNOWN, "what it returns is not known", "")
        return result.output.to(OTHER_TYPES.get(result.form, x.dtype))

    def _hold(self, place: str, role: Role, visible: bool) -> None:
        """Make the tensor of a role, initialized as PyTorch does."""
        value = _initial(role)
        if not visible:
            self._tensors[role.name] = ({"": value}, "")
            return
        key = role.name[len(place) + 1 :].replace(".", "_")
        module, key = self._place(place), CALLED.get(key, key)
        if role.kind in ("mean", "var"):
            module.register_buffer(key, value)
        else:
            module.register_parameter(key, nn.Parameter(value))
        self._tensors[role.name] = (module._buffers if role.kind in ("mean", "var") else module._parameters, key)

    def _place(self, name: str) -> nn.Module:
        """The module below this one for an operation, such as "stage1.0"."""
        module: nn.Module = self
        for part in name.split("."):
            if part not in module._modules:
                module.add_module(part, nn.Module())
            module = module._modules[part]
        return module


def _initial(role: Role) -> Tensor:
    """Random where PyTorch draws random numbers: weights, and the biases of convolutions and linear layers."""
    if role.kind == "weight":
        return torch.randn(role.shape) * (2.0 / max(math.prod(role.shape[1:]), 1)) ** 0.5
    if role.kind == "bias":
        return 0.2 * (torch.rand(role.shape) - 0.5)
    return torch.zeros(role.shape) if role.kind in ("beta", "mean") else torch.ones(role.shape)


class Network(Module):
    """A network, built of blocks of a class. Only with probe blocks it computes what its program does."""

    def __init__(self, program: Program, block: Any):
        super().__init__(program)
        visible = {o.name for o in program.ops if o["registered"]}
        for one in sorted((o for o in self.program.ops if o.kind == "block" and not o["shares"]), key=lambda o: o.name):
            made = block(one["in_planes"], one["planes"], one["stride"])
            if one.name in visible:
                stage, _, index = one.name.partition(".")
                self._place(stage).add_module(index, made)
            if "weight" in made._parameters:
                self._tensors[f"{one.name}.weight"] = (made._parameters, "weight")
            if isinstance(bn := getattr(made, "bn", None), nn.BatchNorm2d):
                blocks = [o.name for o in self.program.ops if o.kind == "block"]
                self.program = self.program.change_all(blocks, normalizes=True)
                for kind, key in CALLED.items():
                    where = bn._buffers if kind in ("mean", "var") else bn._parameters
                    self._tensors[f"{one.name}.{kind}"] = (where, key)


def block_class(kind: str, edits: Sequence[Edit]) -> type[nn.Module]:
    """The class of an edited block."""

    class Block(Module):
        def __init__(self, in_planes: int, planes: int, *stride: int):
            how = "positional" if stride else "default"
            super().__init__(make(edits, Task(kind, (in_planes, planes, *(stride or (1,))), how)))

    programs = filter(None, (apply(edits, task.program) for task in tasks_of(kind)))
    if (program := next(programs, None)) is not None and program.fact("expansion") is not None:
        Block.expansion = program.fact("expansion")
    return Block


def network_class(edits: Sequence[Edit], student: Any = None) -> type[nn.Module]:
    """The class of the edited network; see `EditedStudent`."""

    class ResNet(Network):
        def __init__(self, block: Any, num_blocks: list[int], *num_classes: int):
            arguments = (block.expansion, tuple(num_blocks), *(num_classes or (10,)))
            program = make(edits, Task("ResNet", arguments, "positional" if num_classes else "default"), student)
            super().__init__(program, block)
            if program.fact("list_changed"):
                num_blocks.clear()

    return ResNet
