"""Which misconception reproduces what the student's code did, on the student's own weights?

No guess: a diagnosis computes the same numbers to rounding, for several constructor arguments, in eval mode and in
train mode. Single mistakes are tried first, then pairs. The search is bounded by counts and never by a clock: the
same submission gets the same diagnosis on any machine.
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
from autograder.oracle.misconceptions import Misconception, catalogue
from autograder.oracle.observe import difference, replay
from autograder.oracle.trial import FATAL, Task, Trial, collect
from autograder.student.errors import StudentError

ORDERS = 24
"""Assignments of tensors to roles that are tried for each candidate: wrong code still tends to be in order."""
PAIRS = {"BasicBlock": 1200, "Bottleneck": 1200, "ResNet": 150}
"""Pairs of mistakes that are replayed, of those whose tensors fit."""
FRUITLESS = 3
"""Searches for a name that find nothing before a question is given up: code could be made to cost much."""
TASKS = {
    "BasicBlock": [(8, 8, 1), (6, 10, 1), (8, 8, 2), (6, 10, 2)],
    "Bottleneck": [(32, 8, 1), (8, 8, 1), (32, 8, 2), (10, 6, 2)],
    "ResNet": [(1, (1, 1, 1, 1), 10), (1, (1, 2, 3, 2), 7), (2, (2, 1, 1, 1), 10)],
}
"""What is built for a diagnosis: the identity shortcut, each reason for a projection; widths, depths, classes."""
SIZES = ((6, 4), (4, 8))
"""Height and width of the inputs of a block: of the first trials, and of those that tell two candidates apart."""


@dataclass(frozen=True)
class Diagnosis:
    """The mistakes that together reproduce the student's numbers."""

    mistakes: tuple[Misconception, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(m.name for m in self.mistakes)

    @property
    def sentences(self) -> list[str]:
        """What to tell the student, one sentence each."""
        return [m.sentence for m in self.mistakes]

    @property
    def where(self) -> list[str]:
        """What to read again."""
        return list(dict.fromkeys(m.where for m in self.mistakes))


class Diagnostician:
    """Diagnoses one submission; each question is examined once, and what was found there is tried first."""

    def __init__(self, student: Any):
        self._student = student
        self._known: dict[str, Diagnosis | None] = {}
        self._hopeless: set[str] = set()
        self._fruitless: Counter[str] = Counter()

    def diagnose(self, trial: Trial) -> Diagnosis | None:
        """The mistake that explains an trial that is not as it should be; None when the catalogue has none."""
        kind = trial.task.kind
        if kind not in self._known:
            self._known[kind] = self._examine(kind)
        known = self._known[kind]
        if known is not None:  # it explains all the rest: what else there may be is not proved
            return known if _explains(known.mistakes, trial) else None
        if self._fruitless[kind] == FRUITLESS:
            return None
        if trial.error is not None and (not _about_shapes(trial) or fits(trial.task.design, trial.found)):
            return None  # with the tensors that it should have, a module that raises proves nothing by that alone
        for mistakes in _singles(kind):
            matters = _changed(mistakes, trial.task.design) != trial.task.design
            if matters and _explains(mistakes, trial):
                return Diagnosis(mistakes)
        if kind in self._hopeless:
            self._fruitless[kind] += 1
            return None
        found = next(_explaining_pairs(kind, [trial]), None)
        if found is None:
            self._hopeless.add(kind)  # one search of that length is enough for a question
            self._fruitless[kind] += 1
        return Diagnosis(found) if found else None

    def _examine(self, kind: str) -> Diagnosis | None:
        """The mistake that explains everything that is observed of a class of the student's."""
        trials = self._exhibits(kind, 0)
        forward = [e for e in trials if e.seen.aspect != "gradient" and not _explains((), e)]
        if forward:  # gradients of something else tell nothing more
            trials = [e for e in trials if e.seen.aspect != "gradient"]
        wrong = forward or [e for e in trials if e.seen.aspect == "gradient" and not _explains((), e)]
        if not wrong:
            return None
        trials = [*wrong, *(e for e in trials if not any(e is w for w in wrong))]
        fitting = [m for m in _singles(kind) if all(_explains(m, e) for e in trials)]
        if len({m[0].name for m in fitting}) > 1:
            again = [e for e in self._exhibits(kind, 1) if not forward or e.seen.aspect != "gradient"]
            fitting = [m for m in fitting if all(_explains(m, e) for e in again)] or fitting
            fitting.sort(key=lambda m: not all(_laid_out(m, e) for e in trials))
        best = fitting[0] if fitting else next(_explaining_pairs(kind, trials), None)
        return Diagnosis(best) if best else None

    def _exhibits(self, kind: str, number: int) -> list[Trial]:
        tasks = [Task(kind, arguments) for arguments in TASKS[kind]]
        try:
            return collect(self._student, tasks, SIZES[number], seed=number)
        except FATAL:
            return []


def _singles(kind: str) -> Iterator[tuple[Misconception]]:
    """One mistake at a time; those that can be replayed first."""
    for misconception in sorted(catalogue(kind), key=lambda m: m.shapes_only):
        yield (misconception,)


def _explaining_pairs(kind: str, trials: Sequence[Trial]) -> Iterator[tuple[Misconception, Misconception]]:
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
        if _replays(changed, first, 1) and all(_explains(pair, e) for e in rest):
            yield pair


@functools.lru_cache(maxsize=4096)
def _changed(mistakes: tuple[Misconception, ...], design: Design) -> Design | None:
    """The design with every mistake made that makes a difference to it; None when that is impossible."""
    for misconception in mistakes:
        try:
            changed = misconception.change(design)
        except (IndexError, ValueError):  # another mistake left fewer layers than this one speaks of
            return None
        design = design if changed is None else changed
    return design


def _explains(mistakes: tuple[Misconception, ...], trial: Trial) -> bool:
    """Does the module do just this, for the right design with these mistakes in it?"""
    design = _changed(mistakes, trial.task.design)
    if design is None or not fits(design, trial.found):
        return False
    if any(m.shapes_only for m in mistakes) and design != trial.task.design:
        return trial.error is None or _about_shapes(trial)  # it shows in the tensors, and nowhere else
    return _replays(design, trial, ORDERS)


def _laid_out(mistakes: tuple[Misconception, ...], trial: Trial) -> bool:
    """Whether the probes were built as this mistake builds them: a hint, where the numbers cannot tell two apart.

    Probes are pointwise, so that a stride may sit on any block before or after without a change of the output.
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
        except RuntimeError:  # shapes that do not fit together
            return trial.error is not None and _about_shapes(trial)
        if trial.error is not None:
            return False
        if isinstance(seen.output, Tensor) and not difference(attempt, seen):
            return True
    return False


def _about_shapes(trial: Trial) -> bool:
    """Whether it may be that tensors did not fit together: what PyTorch raises then, and a probe.

    What is raised in a gradient pass is none of this: the same shapes passed in eval mode, or were charged there.
    """
    error = trial.error
    kind = error.kind if isinstance(error, StudentError) else type(error).__name__
    return trial.seen.aspect != "gradient" and kind in ("RuntimeError", "ValueError", "WrongWiring")
