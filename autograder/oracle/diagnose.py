"""Find the mistake that reproduces what the student's code computed, on the student's own weights.

A diagnosis is a proof: it computes the same numbers up to rounding, for several constructor arguments, in eval mode and
in train mode. Single mistakes are tried first, then pairs. Counts bound the search, not a clock, so that the same
submission gets the same diagnosis on any machine.
"""

import functools
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from autograder.oracle.design import Design, Network
from autograder.oracle.matching import assignments, fits, roles_of
from autograder.oracle.mistakes import Mistake, catalogue
from autograder.oracle.observe import difference, replay
from autograder.oracle.reference import Contradiction
from autograder.oracle.trial import FATAL, Task, Trial, collect
from autograder.student.errors import StudentError

ORDERS = 24
"""Assignments of tensors to roles that are tried for each candidate; wrong code too usually defines layers in order."""
PAIRS = {"BasicBlock": 1200, "Bottleneck": 1200, "ResNet": 150}
"""Pairs of mistakes that are replayed, of those whose tensors fit."""
FRUITLESS = 3
"""Searches without a result before a question is given up: code could be written to make them expensive."""
TASKS = {
    "BasicBlock": [(8, 8, 1), (6, 10, 1), (8, 8, 2), (6, 10, 2)],
    "Bottleneck": [(32, 8, 1), (8, 8, 1), (32, 8, 2), (10, 6, 2)],
    "ResNet": [(1, (1, 1, 1, 1), 10), (1, (1, 2, 3, 2), 7), (2, (2, 1, 1, 1), 10)],
}
"""What is built for a diagnosis: an identity shortcut and each reason for a projection; widths, depths, classes."""
SIZES = ((6, 4), (4, 8))
"""Height and width of a block's inputs: in the first trials, and in those that decide between two candidates."""


@dataclass(frozen=True)
class Diagnosis:
    """The mistakes that together reproduce the student's numbers."""

    mistakes: tuple[Mistake, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(m.name for m in self.mistakes)

    @property
    def sentences(self) -> list[str]:
        """What to tell the student, one sentence each."""
        return [m.sentence for m in self.mistakes]

    @property
    def reading(self) -> list[str]:
        """Sections of the paper and parts of the notebook to read again."""
        return list(dict.fromkeys(m.reading for m in self.mistakes))


class Diagnostician:
    """Diagnoses one submission. Each class is examined once; what was found there is tried first."""

    def __init__(self, student: Any):
        self._student = student
        self._known: dict[str, Diagnosis | None] = {}
        self._hopeless: set[str] = set()
        self._fruitless: Counter[str] = Counter()

    def diagnose(self, trial: Trial) -> Diagnosis | None:
        """The mistake that explains a trial with wrong results; None when the catalogue has none."""
        kind = trial.task.kind
        if kind not in self._known:
            self._known[kind] = self._examine(kind)
        known = self._known[kind]
        if known is not None:  # it explains everything else, so that a second mistake is not proved
            return known if _explains(known.mistakes, trial) else None
        if self._fruitless[kind] == FRUITLESS:
            return None
        if trial.error is not None and (not _about_shapes(trial) or fits(trial.task.design, trial.found)):
            return None  # a module that has the right tensors and raises proves no mistake by that alone
        for mistakes in _singles(kind):
            matters = _changed(mistakes, trial.task.design) != trial.task.design
            if matters and _explains(mistakes, trial):
                return Diagnosis(mistakes)
        if kind in self._hopeless:
            self._fruitless[kind] += 1
            return None
        found = next(_explaining_pairs(kind, [trial]), None)
        if found is None:
            self._hopeless.add(kind)  # one search through all pairs is enough for a question
            self._fruitless[kind] += 1
        return Diagnosis(found) if found else None

    def _examine(self, kind: str) -> Diagnosis | None:
        """The mistake that explains all observations of one of the student's classes."""
        trials = self._run_trials(kind, 0)
        forward = [t for t in trials if t.seen.aspect != "gradient" and not _explains((), t)]
        if forward:  # the gradients of a wrong function add no information
            trials = [t for t in trials if t.seen.aspect != "gradient"]
        wrong = forward or [t for t in trials if t.seen.aspect == "gradient" and not _explains((), t)]
        if not wrong:
            return None
        trials = [*wrong, *(t for t in trials if not any(t is w for w in wrong))]
        fitting = [m for m in _singles(kind) if all(_explains(m, t) for t in trials)]
        if len({m[0].name for m in fitting}) > 1:
            again = [t for t in self._run_trials(kind, 1) if not forward or t.seen.aspect != "gradient"]
            fitting = [m for m in fitting if all(_explains(m, t) for t in again)] or fitting
            fitting.sort(key=lambda m: not all(_builds_alike(m, t) for t in trials))
        best = fitting[0] if fitting else next(_explaining_pairs(kind, trials), None)
        return Diagnosis(best) if best else None

    def _run_trials(self, kind: str, number: int) -> list[Trial]:
        tasks = [Task(kind, arguments) for arguments in TASKS[kind]]
        try:
            return collect(self._student, tasks, SIZES[number], seed=number)
        except FATAL:
            return []


def _singles(kind: str) -> Iterator[tuple[Mistake]]:
    """One mistake at a time; those that can be replayed first."""
    for mistake in sorted(catalogue(kind), key=lambda m: m.shapes_only):
        yield (mistake,)


def _explaining_pairs(kind: str, trials: Sequence[Trial]) -> Iterator[tuple[Mistake, Mistake]]:
    """Pairs of mistakes that explain every trial, as far as `PAIRS` allows."""
    left = PAIRS[kind]
    first, *rest = trials
    replayed = [m for m in catalogue(kind) if not m.shapes_only]
    for pair in itertools.combinations(replayed, 2):
        if pair[0].name == pair[1].name:
            continue
        changed = _changed(pair, first.task.design)
        single = [_changed((m,), first.task.design) for m in pair]
        if changed is None or changed in single or not fits(changed, first.found):
            continue
        if left == 0:
            return
        left -= 1
        if _replays(changed, first, 1) and all(_explains(pair, t) for t in rest):
            yield pair


@functools.lru_cache(maxsize=4096)
def _changed(mistakes: tuple[Mistake, ...], design: Design) -> Design | None:
    """The design with every mistake applied that makes a difference; None when they cannot be applied together."""
    for mistake in mistakes:
        try:
            changed = mistake.change(design)
        except (IndexError, ValueError):  # another mistake removed the layer that this one changes
            return None
        design = design if changed is None else changed
    return design


def _explains(mistakes: tuple[Mistake, ...], trial: Trial) -> bool:
    """Whether the right design with these mistakes applied does exactly what the module did."""
    design = _changed(mistakes, trial.task.design)
    if design is None or not fits(design, trial.found):
        return False
    if any(m.shapes_only for m in mistakes) and design != trial.task.design:
        return trial.error is None or _about_shapes(trial)  # it shows only in which tensors there are
    return _replays(design, trial, ORDERS)


def _builds_alike(mistakes: tuple[Mistake, ...], trial: Trial) -> bool:
    """Whether the probes were built as this mistake builds them; it decides where two mistakes compute the same.

    Probes are 1x1 convolutions: moving a stride to an earlier or later block does not change the output.
    """
    design = _changed(mistakes, trial.task.design)
    if not isinstance(design, Network):
        return True
    return [(p.in_planes, p.planes, p.stride) for stage in design.stages for p in stage] == trial.calls


def _replays(design: Design, trial: Trial, orders: int) -> bool:
    seen = trial.seen
    for names in itertools.islice(assignments(roles_of(design), trial.found), orders):
        try:
            attempt = replay(design, names, trial.exact, seen)
        except Contradiction:  # two mistakes of which one leaves out what the other uses
            return False
        except RuntimeError:  # shapes that do not fit together
            return trial.error is not None and _about_shapes(trial)
        if trial.error is not None:
            return False
        if isinstance(seen.output, Tensor) and not difference(attempt, seen):
            return True
    return False


def _about_shapes(trial: Trial) -> bool:
    """Whether the exception can be that of tensors whose shapes do not fit, as PyTorch and probes raise it.

    Exceptions in a gradient pass do not count: the same shapes passed in eval mode, or failed there already.
    """
    error = trial.error
    kind = error.kind if isinstance(error, StudentError) else type(error).__name__
    return trial.seen.aspect != "gradient" and kind in ("RuntimeError", "ValueError", "WrongWiring")
