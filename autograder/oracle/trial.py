"""Trials: what one of the student's modules did with the weights it was given."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from autograder.oracle.design import Design, basic_block, bottleneck, network
from autograder.oracle.matching import Found, classify_tensors, draw, roles_of, second_names, untranspose
from autograder.oracle.observe import Aspect, Observation, observe, to_float64
from autograder.student.errors import GraderBroken, StudentCrash, StudentTimeout

FATAL = (GraderBroken, StudentTimeout, StudentCrash)
"""Exceptions that say nothing about what the code computes: the worker is gone, or the grader is broken."""


@dataclass(frozen=True)
class Task:
    """A module to build: a block by `(in_planes, planes, stride)`, a network by `(expansion, num_blocks, classes)`."""

    kind: str
    arguments: tuple

    @property
    def written(self) -> str:
        """The call, as the student would write it."""
        if self.kind == "ResNet":
            expansion, num_blocks, num_classes = self.arguments
            return f"ResNet(block, {list(num_blocks)}, num_classes={num_classes}) with block.expansion = {expansion}"
        in_planes, planes, stride = self.arguments
        return f"{self.kind}({in_planes}, {planes}{f', stride={stride}' if stride != 1 else ''})"

    @property
    def design(self) -> Design:
        """The right design."""
        return {"BasicBlock": basic_block, "Bottleneck": bottleneck, "ResNet": network}[self.kind](*self.arguments)

    def build(self, student: Any, probe: Any = None) -> Any:
        """Build the student's module; a network is made of probe blocks, of the class `probe` if it is given."""
        if self.kind == "ResNet":
            expansion, num_blocks, num_classes = self.arguments
            return student.ResNet(probe or student.probe(expansion), list(num_blocks), num_classes)
        return getattr(student, self.kind)(*self.arguments)

    def shape(self, size: tuple[int, int]) -> tuple[int, ...]:
        """Shape of the input, (N, C, H, W): a block gets `size`, a network the size of CIFAR-10."""
        return (2, 3, 32, 32) if self.kind == "ResNet" else (3, self.arguments[0], *size)


@dataclass(frozen=True)
class Trial:
    """One observation, with everything that is needed to replay it.

    Args:
        task: what was built.
        found: the module's tensors.
        drawn: the weights that were loaded into it.
        seen: what it computed with them.
        error: what the student's code raised in forward, if it did; `seen.output` is None then.
        calls: how a network built its probes, as the student's process reports it: only a hint.
        exact: `drawn` in float64.
    """

    task: Task
    found: list[Found]
    drawn: dict[str, Tensor]
    seen: Observation
    error: Exception | None = None
    calls: list[tuple[int, int, int]] = field(default_factory=list)
    exact: dict[str, Tensor] = field(default_factory=dict, repr=False)

    def __post_init__(self):
        self.exact.update(to_float64(self.drawn))


class Subject:
    """One of the student's modules: its tensors, and the weights that are loaded into it."""

    def __init__(self, task: Task, module: Any, generator: torch.Generator):
        self.task, self.module, self._generator = task, module, generator
        state = {name: value.detach() for name, value in module.state_dict().items()}
        parameters = frozenset(name for name, _ in module.named_parameters())
        self.found = classify_tensors(state, parameters)
        self.drawn = draw(state, self.found, generator)
        module.load_state_dict(self.drawn)
        if len(self.found) > len(roles_of(task.design)):
            loaded = module.state_dict()
            second = second_names(self.found, loaded, self.drawn)
            self.found = [f for f in self.found if f.name not in second]
            self.drawn = {name: loaded[name].detach().clone() for name in self.drawn if name in loaded}
        self.found, self._transposed = untranspose(self.found, task.design)

    def run(self, aspect: Aspect, size: tuple[int, int], afresh: bool = False) -> Trial:
        """Run the module once. With `afresh` the weights are loaded again first: train mode changes running statistics.

        Exceptions of the student's code are kept in the trial; those in `FATAL` are raised.
        """
        if afresh:
            self.module.load_state_dict(self.drawn)
        x = torch.randn(self.task.shape(size), generator=self._generator)
        try:
            seen = observe(self.module, x, aspect, self._generator)
        except FATAL:
            raise
        except Exception as error:
            return Trial(self.task, self.found, self.drawn, Observation(aspect, x, None, None), error)
        drawn = dict(self.drawn)
        for name in self._transposed:
            drawn[name] = drawn[name].T
            if seen.gradients.get(name) is not None:
                seen.gradients[name] = seen.gradients[name].T
        return Trial(self.task, self.found, drawn, seen)


def collect(student: Any, tasks: Sequence[Task], size: tuple[int, int], seed: int) -> list[Trial]:
    """Run trials of several modules for a diagnosis: outputs, running statistics and gradients.

    Where forward raises, images of 2x2 and 5x5 pixels are tried as well: there, branches whose shapes do not match may
    still add up by broadcasting.
    """
    generator = torch.Generator().manual_seed(seed)
    trials = []
    for task in tasks:
        try:
            probe = student.probe(task.arguments[0]) if task.kind == "ResNet" else None
            subject = Subject(task, task.build(student, probe), generator)
            calls = [tuple(call) for call in probe.calls] if probe else []
        except FATAL:
            raise
        except Exception:  # the test that builds this module reports it
            continue
        first = replace(subject.run("eval", size), calls=calls)
        trials.append(first)
        if first.error is None:
            more = [subject.run("train", size, afresh=True), subject.run("gradient", size, afresh=True)]
            trials += [replace(trial, calls=calls) for trial in more]
        elif task.kind != "ResNet":
            small = [subject.run("eval", size, afresh=True) for size in ((2, 2), (5, 5))]
            trials += [trial for trial in small if trial.error is None]  # `out += x` raises where `out + x` does not
    return trials
