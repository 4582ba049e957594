"""Which misconception reproduces what the student's code did, on the student's own weights?

No guess: a diagnosis computes the same numbers to rounding. Single mistakes are tried first, then pairs.
"""

import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from autograder.oracle.design import Design, inventory
from autograder.oracle.matching import Found, assignments, compare
from autograder.oracle.misconceptions import Misconception, catalogue
from autograder.oracle.observe import Observation, difference, replay

PAIR_SECONDS = 0.6
"""Time for pairs of mistakes; the singles are always tried."""
ORDERS = 40
"""Assignments of tensors to roles that are tried for each candidate: wrong code still tends to be in order."""


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


def diagnose(kind: str, design: Design, found: list[Found], drawn: dict, seen: Observation | None) -> Diagnosis | None:
    """Find the misconception, or pair of them, that explains an observation.

    Args:
        kind: "BasicBlock", "Bottleneck" or "ResNet".
        design: what it should have been.
        found: the student's tensors.
        drawn: the weights that were loaded.
        seen: what the module did with them.
    """
    if diagnosis := _by_shapes(kind, found, design):
        return diagnosis
    singles = [(mistakes, d) for mistakes, d in _singles(kind, design) if not any(compare(inventory(d), found))]
    for orders in (1, ORDERS):  # most code is in order: try every mistake on the likeliest assignment first
        for mistakes, changed in singles:
            if _reproduces(changed, found, drawn, seen, orders):
                return Diagnosis(mistakes)
    end = time.monotonic() + PAIR_SECONDS
    for mistakes, changed in _pairs(kind, design):
        if time.monotonic() > end:
            return None
        if _reproduces(changed, found, drawn, seen, 1):
            return Diagnosis(mistakes)
    return None


def diagnose_crash(kind: str, design: Design, found: list[Found], drawn: dict, x: Tensor) -> Diagnosis | None:
    """Where forward raises there are no numbers: which mistake has just these tensors, and cannot run on `x` either?"""
    if not any(compare(inventory(design), found)):
        return None
    if diagnosis := _by_shapes(kind, found, design):
        return diagnosis
    nothing = Observation("eval", x, None, None)
    for mistakes, changed in _singles(kind, design):
        if any(compare(inventory(changed), found)):
            continue
        try:
            replay(changed, next(assignments(inventory(changed), found)), drawn, nothing)
        except RuntimeError:
            return Diagnosis(mistakes)
    return None


def _by_shapes(kind: str, found: list[Found], design: Design) -> Diagnosis | None:
    """The misconceptions that show in nothing but the tensors that are there."""
    for misconception in catalogue(kind):
        changed = misconception.change(design) if misconception.shapes_only else None
        if changed is not None and not any(compare(inventory(changed), found)):
            return Diagnosis((misconception,))
    return None


def _singles(kind: str, design: Design) -> Iterator[tuple[tuple[Misconception, ...], Design]]:
    for misconception in catalogue(kind):
        changed = None if misconception.shapes_only else misconception.change(design)
        if changed is not None:
            yield (misconception,), changed


def _pairs(kind: str, design: Design) -> Iterator[tuple[tuple[Misconception, ...], Design]]:
    for ((first,), changed), second in itertools.product(_singles(kind, design), catalogue(kind)):
        if first.name < second.name and not second.shapes_only:
            twice = _change_again(second, changed)
            if twice is not None and twice != changed:
                yield (first, second), twice


def _change_again(misconception: Misconception, design: Design) -> Design | None:
    try:
        return misconception.change(design)
    except (IndexError, ValueError):  # the first change left fewer layers than this one speaks of
        return None


def _reproduces(design: Design, found: list[Found], drawn: dict, seen: Observation, orders: int) -> bool:
    roles = inventory(design)
    if any(compare(roles, found)):
        return False
    for names in itertools.islice(assignments(roles, found), orders):
        try:
            attempt = replay(design, names, drawn, seen)
        except (RuntimeError, KeyError):  # shapes that do not fit together: this mistake would have crashed
            return False
        if not difference(attempt, seen):
            return True
    return False
