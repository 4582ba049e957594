"""Does a program explain what was observed? It must reproduce all of it: tensors, values, and which shapes raise."""

import functools
import itertools
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from autograder.oracle.edits import Edit, apply
from autograder.oracle.interpreter import DOES_NOT_FIT, Memory, Unregistered
from autograder.oracle.matching import Assignment, assignments, fits, held_by
from autograder.oracle.observe import (
    ABOUT_GRADIENTS,
    TOLERANCE,
    Observation,
    differ_at_peak,
    difference,
    differing_statistics,
    replay,
)
from autograder.oracle.program import UNUSED, Program, layer_of
from autograder.oracle.trial import Evidence, NotBuilt, Subject
from autograder.student.errors import StudentError

ORDERS = 24
"""Assignments of tensors to roles that are tried; wrong code too usually defines layers in order."""
REMEMBERED = 64 << 20
"""Bytes of values that are kept for programs that begin alike. A network has 6 MB in each trial, and 25 trials."""
OVERWRITTEN = "modified by an inplace operation"
"""What PyTorch says in the backward pass where `+=` changed a value that it needs."""
OWN_CHECKS = ("AssertionError", "ValueError")
"""What student code raises where it checks shapes itself; its text is the student's own."""
OF_BATCHNORM = re.compile(r"expected .*\dD.* input \(got \dD input\)")
"""The text of a `ValueError` of `nn.BatchNorm1d` and `3d` about images, which is no check of the student's own."""
REPRODUCED = {*OWN_CHECKS, "RuntimeError", "IndexError", "KeyError", "WrongWiring", "TypeError"}
"""What running a program may end with; a `TypeError` where a shape is no shape."""


class Explainer:
    """Compares programs with the evidence of one question; remembers what was computed."""

    def __init__(self, evidence: Evidence):
        self.evidence = evidence
        self._memories: dict[int, Memory] = {}
        self._orders: dict[tuple, list[Assignment]] = {}
        self._known: dict[tuple[int, Program], bool] = {}

    @functools.cached_property
    def right(self) -> list[bool]:
        """For each subject, whether the right program explains it."""
        return [self.explains_subject(s.task.program, s) for s in self.evidence.subjects]

    @property
    def all_right(self) -> bool:
        """Whether nothing is wrong."""
        return all(self.right) and not self.evidence.not_built

    def explains(self, edits: Sequence[Edit]) -> bool:
        """Whether the right programs with these edits made do exactly what the student's code does."""
        for missing in self.evidence.not_built:
            if not explains_failure(apply(edits, missing.task.program), missing):
                return False
        changed = bool(self.evidence.not_built)
        subjects = self.evidence.subjects
        if len(subjects) > 1:  # what is wrong decides sooner, and a small module costs less
            right = dict(zip(map(id, subjects), self.right, strict=True))
            subjects = sorted(subjects, key=lambda s: (right[id(s)], len(s.task.program.ops)))
        for subject in subjects:
            program = _with_what_is_held(apply(edits, subject.task.program), subject)
            if program is None or not self.explains_subject(program, subject):
                return False
            changed = changed or program != subject.task.program
        return changed

    def explains_subject(self, program: Program, subject: Subject) -> bool:
        """Whether the program does what one module does, for one assignment of its tensors."""
        key = (id(subject), program)
        if self._known.get(key) is None:
            self._known[key] = facts_agree(program, subject) and (
                bool(program.fact("opaque") or program.fact("shared")) or any(self.replays(program, subject, ORDERS))
            )
        return self._known[key]

    def predicted(self, edits: Iterable[Edit]) -> int:
        """How many of the calls, outputs and running statistics that were seen the programs with these edits give."""
        edits, count = tuple(edits), 0
        for subject in self.evidence.subjects:
            program = apply(edits, subject.task.program)
            count += subject.calls is not None and not program.fact("unused_blocks")
            for names in self.orders_of(program, subject, 1):
                for trial in subject.trials:
                    try:
                        attempt = replay(program, names, subject.exact, trial, self.memory(trial))
                    except (*DOES_NOT_FIT, Unregistered):
                        continue
                    count += len(attempt.statistics) + (attempt.output is not None)
        return count

    def orders_of(self, program: Program, subject: Subject, most: int) -> list[Assignment]:
        """The likeliest assignments of the module's tensors to the program's roles; none where they do not fit."""
        key = (id(subject), program.roles)
        if key not in self._orders:
            found = subject.found
            ways = assignments(program.roles, found) if fits(program, found) else iter(())
            likely = sorted(itertools.islice(ways, 8 * ORDERS), key=_unlike)[:ORDERS]
            if len(likely) == ORDERS:  # layers may be built from the last to the first
                likely[-1] = next(assignments(program.roles, found[::-1]))
            self._orders[key] = (
                self._likeliest(likely, subject) if program.roles == subject.task.program.roles else likely
            )
        return self._orders[key][:most]

    def _likeliest(self, orders: list[Assignment], subject: Subject) -> list[Assignment]:
        """Of the orders of a right program's tensors, those with which most of what was seen is right already.

        The first one stays: where a layer is not called, its successor may take its place better.
        """
        if len(orders) < 2:
            return orders
        counts = [self._agreeing(names, subject) for names in orders]
        best = [names for names, count in zip(orders, counts, strict=True) if count == max(counts)]
        return best if orders[0] in best else [*best[: ORDERS - 1], orders[0]]

    def _agreeing(self, names: Assignment, subject: Subject) -> int:
        """How many of the outputs and running statistics that were seen the right program gives."""
        count = 0
        for trial in subject.trials[:2]:
            memory = self.memory(trial)
            if trial.aspect == "gradient":  # the output will do, without the backward pass
                trial = replace(trial, aspect="fresh", upstream=None)
            try:
                attempt = replay(subject.task.program, names, subject.exact, trial, memory)
            except DOES_NOT_FIT:
                continue
            count += len(attempt.statistics) - len(differing_statistics(attempt, trial))
            count += attempt.output is not None and not difference(attempt, trial)
        return count

    def memory(self, trial: Observation) -> Memory:
        """What was computed already on the input of a trial; what was not asked for longest is forgotten."""
        self._memories[id(trial)] = self._memories.pop(id(trial), None) or Memory()  # the last one now
        while sum(memory.size for memory in self._memories.values()) > REMEMBERED:
            self._memories.pop(next(iter(self._memories)))
        return self._memories.setdefault(id(trial), Memory())

    def replays(self, program: Program, subject: Subject, orders: int) -> Iterator[bool]:
        """For each of the likeliest assignments of the module's tensors, whether the program does what the module did.

        Args:
            orders: how many assignments.
        """
        trials = sorted(subject.trials, key=lambda trial: (trial.aspect == "gradient", trial.x.numel()))  # cheap first
        for names in self.orders_of(program, subject, orders):
            yield self._replays_all(program, names, subject, trials)

    def _replays_all(
        self, program: Program, names: Assignment, subject: Subject, trials: Sequence[Observation]
    ) -> bool:
        """Whether the program does in all trials what the module did, with its two branches in one of both orders.

        The order is no part of what a block computes. Where the code raises, running statistics show it all the same:
        those of the branch that comes first are new, also if the other branch raises.
        """

        def alike(way: Program, trial: Observation) -> bool:
            return self.replays_trial(way, names, subject, trial)

        different = next((trial for trial in trials if not alike(program, trial)), None)
        if different is None or different.error is None:
            return different is None
        other = program.shortcut_first
        if other.ops == program.ops or any(one["writes"] for one in program.ops):  # what is overwritten makes an order
            return False
        return all(alike(other, trial) for trial in (different, *trials) if trial.error is not None)

    def replays_trial(self, program: Program, names: Assignment, subject: Subject, trial: Observation) -> bool:
        """Whether the program, with the module's tensors assigned so, does in a trial what the module did."""
        if raises := program.fact("forward_raises"):
            return trial.error is not None and _is_error(trial.error, *raises)
        if trial.error is not None and trial.aspect == "gradient" and OVERWRITTEN in error_text(trial.error):
            return _adds_to_activation(program)
        try:
            attempt = replay(program, names, subject.exact, trial, self.memory(trial))
        except Unregistered:
            return trial.error is None and bool(subject.facts.get("hidden"))
        except DOES_NOT_FIT as error:
            return trial.error is not None and self._same_error(trial.error, error, program)
        if trial.error is not None:
            alike = (
                self._same_error(trial.error, attempt.error, program)
                if attempt.error
                else _only_in_place(trial.error, attempt)
            )
            return alike and not differing_statistics(attempt, trial)
        if differ_at_peak(attempt, trial):
            return False
        if complaint := difference(attempt, trial):
            again = complaint.startswith(ABOUT_GRADIENTS) and trial is not subject.other_gradient
            return again and self.replays_trial(program, names, subject, subject.other_gradient)
        if not subject.random.what or trial.aspect != "train":
            return True
        mine = {names[role.name] for role in program.roles if role.kind in ("mean", "var")}
        return mine - attempt.statistics.keys() == mine & subject.random.varying

    def _same_error(self, error: Exception, mine: Exception, program: Program) -> bool:
        """As `same_error`; but a check of the student's own says nothing about shapes where nothing runs, nor about how
        a network divides the batch in its head: it may stand anywhere, and be about anything."""
        divides = program.kind in ("ResNet", "ResNet18") and any(one.kind == "reshape" for one in program.ops)
        return same_error(error, mine) and ((self.runs and not divides) or not _is_own_check(error))

    def can_be_explained(self, error: Exception) -> bool:
        """Whether a program may raise it: something about shapes. Where nothing runs, no check of the student's own."""
        return _error_kind(error) in REPRODUCED and (self.runs or not _is_own_check(error))

    @functools.cached_property
    def runs(self) -> bool:
        """Whether any of the modules returned something."""
        return any(trial.error is None for subject in self.evidence.subjects for trial in subject.trials)


def _with_what_is_held(program: Program | None, subject: Subject) -> Program | None:
    """The program with the module's own tensors of layers that nothing calls, where they are not known yet."""
    held = program.by_name.get(UNUSED) if program else None
    if held is None or held["tensors"]:
        return program
    tensors = held_by(held["layers"], subject.found)
    return program.put(held.but(tensors=tensors)) if tensors else program.without(UNUSED)


def _unlike(names: Assignment) -> int:
    """How many tensors are not called as their roles, or their block, are; it only decides what is tried first."""
    count = 0
    for role, name in names.items():
        place, _, _ = role.rpartition(".")
        weight = names.get(f"{place}.weight", "") if place.startswith("stage") else ""
        alike = name.startswith(f"{layer_of(weight)}.") if weight else place.removesuffix("_conv") in name
        count += not alike
    return count


def error_text(error: Exception) -> str:
    """The text of an exception of the student's code, without its traceback."""
    return error.message if isinstance(error, StudentError) else str(error)


def _error_kind(error: Exception) -> str:
    return error.kind if isinstance(error, StudentError) else type(error).__name__


def _is_own_check(error: Exception) -> bool:
    return _error_kind(error) in OWN_CHECKS and not OF_BATCHNORM.search(error_text(error))


def same_error(error: Exception, mine: Exception) -> bool:
    """Whether the student's exception is about the same shapes: it has the same numbers, and in other words, in any
    order."""
    if _is_own_check(error):
        return True
    texts = [re.sub(r"^block \d+ ", "", text) for text in (error_text(error), str(mine))]  # built in another order
    numbers = [re.findall(r"\d+", text) for text in texts]
    same_words = re.sub(r"\d+", "", texts[0]) == re.sub(r"\d+", "", texts[1])
    return texts[0] == texts[1] if same_words or not numbers[0] else sorted(numbers[0]) == sorted(numbers[1])


def _adds_to_activation(program: Program) -> bool:
    """Whether `+=` would write into what an activation returned, which its backward pass needs."""
    sums = [one for one in program.ops if one.kind == "combine"]
    return any(value in program.by_name and program.by_name[value].kind == "act" for o in sums for value in o.inputs)


def _only_in_place(error: Exception, attempt: Observation) -> bool:
    """Whether the student's exception says that a result of the program's shape cannot be written in place."""
    text = error_text(error)
    if "doesn't match the broadcast shape" not in text or attempt.output is None:
        return False
    return re.findall(r"\d+", text.rpartition("[")[2]) == [str(size) for size in attempt.output.shape]


def explains_failure(program: Program | None, missing: NotBuilt) -> bool:
    """Whether a constructor raises what the program says."""
    raises = program.fact("raises") if program else None
    return raises is not None and _is_error(missing.error, *raises)


def random_operations(program: Program, before_norm: bool = False) -> set[tuple[str, bool]]:
    """What is random in a program, and whether in eval mode too; or only what running statistics depend on."""
    if not before_norm:
        return {(o["what"], o["in_eval"]) for o in program.ops if o.kind == "random"}
    found, behind = set(), {"x": set()}
    for o in program.ops:
        behind[o.name] = {one for value in o.inputs for one in behind.get(value, ())}
        if o.kind == "random":
            behind[o.name].add((o["what"], o["in_eval"]))
        elif o.kind == "norm" and o["tracked"]:
            found |= behind[o.name]
    return found


def _is_error(error: Exception, kind: str, fragment: str) -> bool:
    return _error_kind(error) == kind and fragment in error_text(error)


def facts_agree(program: Program, subject: Subject) -> bool:
    """Whether what can be seen without running the module is as the program says."""
    facts: dict[str, Any] = subject.facts
    if program.fact("raises") or any(facts.get(name) != program.fact(name) for name in ("shared", "list_changed")):
        return False
    if program.fact("shared"):
        return True  # it may have been built long ago, of other blocks
    if program.fact("blocks_not_called"):
        runs = bool(subject.calls) and subject.trials[0].error is None
        return facts.get("blocks_not_called", runs)  # it is measured where gradients are
    if program.fact("opaque"):
        return not subject.calls
    if "expansion" in facts and facts["expansion"] != program.fact("expansion"):
        return False
    calls = None if program.fact("unused_blocks") else subject.calls
    if calls is not None and sorted(calls) != sorted(program.calls):
        return False  # a network may build its blocks in any order
    seen = subject.random
    return not seen.checked or random_operations(program, seen.checked == "statistics") == seen.operations


def is_same(a: Any, b: Any) -> bool:
    """Whether two things that were observed are equal: exceptions, tensors up to rounding, or anything else."""
    if a is b:
        return True
    if isinstance(a, Exception) and isinstance(b, Exception):
        return same_error(b, a)
    if not are_tensors(a, b):
        return type(a) is type(b) and a == b
    return a.numel() == b.numel() and bool((a.reshape(b.shape) - b).abs().max() <= TOLERANCE * b.abs().max())


def are_tensors(a: Any, b: Any) -> bool:
    """Whether both are tensors."""
    return isinstance(a, Tensor) and isinstance(b, Tensor)
