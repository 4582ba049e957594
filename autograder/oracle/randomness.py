"""Is the result random? That is asked by repeating a call, before anything is compared."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from autograder.oracle.observe import statistics_of
from autograder.student.errors import NOT_ABOUT_THE_CODE
from autograder.student.passes import outputs_of
from autograder.student.state import load_state, state_of

FIRST_REPEATS = {"eval": 2, "train": 8}
"""Repeated passes that show whether there is randomness: in train mode a branch may be kept several times in turn."""
REPEATS = 12
"""Repeated passes that tell kinds of randomness apart."""
NEAR = 1e-5
"""Largest difference, relative to the largest value, between outputs that are the same."""


@dataclass(frozen=True)
class Randomness:
    """How a module's output is random.

    Args:
        what: "" for not at all; "dropout" multiplies by random factors; "noise" adds; "stochastic_depth" leaves out a
            branch.
        in_eval: in eval mode too.
        checked: where it was looked for: in the "output", or in "statistics" of a pass that raised; "" for nowhere.
        varying: running statistics that differ from pass to pass: what they are of is random already.
    """

    what: str = ""
    in_eval: bool = False
    checked: str = ""
    varying: frozenset[str] = frozenset()

    @property
    def operations(self) -> set[tuple[str, bool]]:
        """What is random, and whether in eval mode too."""
        return {(self.what, self.in_eval)} if self.what else set()

    def affects(self, aspect: str) -> bool:
        """Whether the output is random in the mode of this aspect."""
        return bool(self.what) and (self.in_eval or aspect != "eval")


def randomness(subject: Any) -> Randomness:
    """Repeat the passes of a `Subject` in eval mode and in train mode, and look at what differs."""
    random = [trial for trial in subject.trials if trial.error is None and not _same_again(subject, trial)]
    if not random:
        return Randomness(checked="output")
    outputs, statistics = _repeats(subject, random[-1], REPEATS)
    varying = {name for name, first in statistics[0].items() if not _all_same([s[name] for s in statistics])}
    in_eval = any(trial.aspect == "eval" for trial in random)
    return Randomness(_what(subject, random[-1], outputs), in_eval, "output", frozenset(varying))


def randomness_before_error(subject: Any, trial: Any) -> Randomness:
    """Repeat a pass in train mode that raises: is what was computed until then the same again?

    Where it is not, `checked` stays empty: the kind of randomness cannot be told.
    """
    for _ in range(2):
        load_state(subject.module, subject.drawn)
        subject.module.train()
        try:
            with torch.no_grad():
                subject.module(trial.x.clone())
        except NOT_ABOUT_THE_CODE:
            raise
        except Exception:
            again = statistics_of(subject.module)
            if not all(_same(first, again[name]) for name, first in trial.statistics.items()):
                return Randomness()
    return Randomness(checked="statistics")


def _what(subject: Any, trial: Any, outputs: Sequence[Tensor]) -> str:
    """Random factors leave a zero as it is; a branch that is left out gives a few different outputs only."""
    kept = {f.name for f in subject.found if f.kinds & {"var"} or f.kinds == {"gamma"} or len(f.shape) > 1}
    zeros = {n: v if n in kept or not v.is_floating_point() else torch.zeros_like(v) for n, v in subject.drawn.items()}
    load_state(subject.module, zeros)
    with torch.no_grad():
        silent = [subject.module(torch.zeros_like(trial.x)) for _ in range(3)]
    if not _all_same(silent):
        return "noise"
    for image in zip(*outputs, strict=True):  # the outputs for one image
        different = [a for i, a in enumerate(image) if not any(_same(a, b) for b in image[:i])]
        if len(different) > 3:
            return "dropout"
    return "stochastic_depth"


def _same_again(subject: Any, trial: Any) -> bool:
    """Whether a few passes give the same output."""
    subject.module.train(trial.aspect != "eval")
    outputs = outputs_of(subject.module, [trial.x] * FIRST_REPEATS.get(trial.aspect, 2), subject.drawn)
    return _all_same(outputs) if all(isinstance(output, Tensor) for output in outputs) else True


def _repeats(subject: Any, trial: Any, times: int) -> tuple[list[Tensor], list[dict[str, Tensor]]]:
    """Outputs and running statistics of repeated passes, each from the same weights."""
    outputs, statistics = [], []
    for _ in range(times):
        load_state(subject.module, subject.drawn)
        subject.module.train(trial.aspect != "eval")
        with torch.no_grad():
            output = subject.module(trial.x.clone())
        if not isinstance(output, Tensor):
            return [], [{}]
        outputs.append(output.clone())  # it may be a view of a weight
        statistics.append({n: v.clone() for n, v in state_of(subject.module).items() if v.is_floating_point()})
    return outputs, statistics


def _all_same(tensors: Sequence[Tensor]) -> bool:
    return all(_same(tensors[0], other) for other in tensors[1:])


def _same(a: Tensor, b: Tensor) -> bool:
    if a.shape != b.shape or not a.is_floating_point():
        return a.shape == b.shape and torch.equal(a, b)
    return bool((a - b).abs().max() <= NEAR * a.abs().max().clamp(min=NEAR))
