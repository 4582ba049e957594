"""Find the mistakes that reproduce what the student's code computed, on the student's own weights.

A diagnosis is a proof: with the edits made, the right programs do what the student's classes do, for several
constructor arguments, in both modes, up to rounding. Single edits are tried first, then two, then three. What can be
together is told by the tensors and by what differs. Counts bound the search, not a clock: the same submission gets the
same diagnosis on any machine.
"""

import functools
import itertools
import operator
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from autograder.contract import QUESTION_NAMES
from autograder.oracle.edits import Edit, Hints, apply, catalogue, task_of
from autograder.oracle.explain import Explainer, same_error
from autograder.oracle.interpreter import DOES_NOT_FIT, Unregistered
from autograder.oracle.matching import Assignment, compare
from autograder.oracle.observe import TOLERANCE, replay
from autograder.oracle.program import Program
from autograder.oracle.trial import Evidence, Subject, Task, Trial, collect

CLASSES = {question: names[0] for question, names in QUESTION_NAMES.items()}
"""The class that each question asks for."""
TASKS = {
    "BasicBlock": [(6, 10, 2), (8, 8, 1), (6, 10, 1), (8, 8, 2), (10, 6, 1)],
    "Bottleneck": [(10, 8, 2), (32, 8, 1), (6, 6, 1), (32, 8, 2), (28, 6, 1)],
    "ResNet": [(1, (1, 1, 1, 1), 10), (1, (1, 2, 3, 2), 7), (2, (2, 1, 1, 1), 10)],
}
"""What is built for a diagnosis: an identity shortcut and each reason for a projection; widths, depths, classes."""
SIZES = ((6, 4), (4, 8))
"""Height and width of a block's inputs: in the first trials, and in those that decide between several mistakes."""
BASES = 6
"""Sets of edits with the student's tensors to which others are added."""
COMPOSED = 1500
"""Sets of edits that are composed to see whether they have the student's tensors."""
VERIFIED = 200
"""Sets of two or three edits that are compared with all the evidence."""


@dataclass(frozen=True)
class Diagnosis:
    """The mistakes that together reproduce the student's numbers.

    Args:
        mistakes: the edits.
        layers: for each of them the student's own layer, such as "self.conv2"; "" where there is none.
    """

    mistakes: tuple[Edit, ...]
    layers: tuple[str, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(dict.fromkeys(edit.name for edit in self.mistakes))

    @property
    def sentences(self) -> list[str]:
        """What to tell the student about each of `names`: what is wrong, their own layer, and what to read again."""
        said = {}
        for edit, layer in zip(self.mistakes, self.layers, strict=True):
            own = f" In your code: {layer}." if layer else ""
            said.setdefault(edit.name, f"{edit.sentence}{own} Read again: {edit.reading}.")
        return list(said.values())

    def changed_steps(self, right: Program) -> frozenset[str]:
        """The names of the operations of a right program that the mistakes, each by itself, change or leave out."""
        wrong = [program for edit in self.mistakes if (program := apply((edit,), right)) is not None]
        return frozenset(one.name for one in right.ops if any(p.by_name.get(one.name) != one for p in wrong))


def diagnose(student: Any, question: str) -> Diagnosis | None:
    """The mistakes that explain everything that is observed of a question's class; None where none do.

    Args:
        student: the student's classes, see `autograder.student`.
        question: "q1", "q2" or "q3".

    Raises:
        StudentCrash, StudentTimeout, GraderBroken: the student's process is gone.
    """
    kind = CLASSES[question]
    evidence = collect(student, tasks_of(kind), SIZES[0], seed=0)
    if not evidence.subjects and not evidence.not_built:
        return None
    search = Search(evidence, kind)
    if search.explainer.all_right:
        return None
    again = None
    for edits in itertools.chain(search.singles(), search.several()):
        again = again or Explainer(collect(student, tasks_of(kind), SIZES[1], seed=1))
        if again.explains(edits):
            return Diagnosis(edits, tuple(search.layer(edit) for edit in edits))
    return None


def tasks_of(kind: str) -> list[Task]:
    """What is built to diagnose a class."""
    tasks = [Task(kind, arguments) for arguments in TASKS[kind]]
    if kind == "ResNet":
        return [*tasks, Task(kind, (1, (1, 1, 1, 1), 10), "default"), Task("ResNet18")]
    plain = next(a for a in TASKS[kind] if a[0] == a[1] and a[2] == 1)
    return [*tasks, Task(kind, plain, "default")]


class Search:
    """The search for edits that explain the evidence of one question."""

    def __init__(self, evidence: Evidence, kind: str):
        self.explainer = Explainer(evidence)
        self.edits = catalogue(kind, _hints(evidence))
        pairs = zip(evidence.subjects, self.explainer.right, strict=True)
        self.wrong = [subject for subject, right in pairs if not right]

    def singles(self) -> Iterator[tuple[Edit]]:
        """Each edit that alone explains everything."""
        for edit in self.edits:
            if self.explainer.explains((edit,)):
                yield (edit,)

    def several(self) -> Iterator[tuple[Edit, ...]]:
        """Two or three edits that together explain everything."""
        if not self.wrong:
            return
        left = VERIFIED
        telling = max(self.wrong, key=lambda s: sum(abs(n) for n in _needed(s.task.program, s).values()))
        running = [s for s in self.wrong if all(trial.error is None for trial in s.trials)] or [telling]
        bases = list(self._bases(telling))
        parts = {base: list(self._parts(base, running[0])) for base in bases}
        for length in (2, 3):
            for base in bases:
                for edits in [base] if len(base) == length else _together(base, parts[base], length - len(base)):
                    if left == 0:
                        return
                    left -= 1
                    if self.explainer.explains(edits, orders=6):
                        yield edits

    def _bases(self, telling: Subject) -> Iterator[tuple[Edit, ...]]:
        """Sets of edits that give the program the tensors of this module; the empty set where it has them anyway."""
        right = telling.task.program
        needed = _needed(right, telling)
        if not needed:
            yield ()
            return
        parts = []
        for edit in self.edits:
            program = apply((edit,), right)
            if program is None or program.tensors == right.tensors:
                continue
            delta = _difference(program.tensors, right.tensors)
            if all(n * needed.get(key, 0) > 0 and abs(n) <= abs(needed[key]) for key, n in delta.items()):
                parts.append(edit)
        sets = itertools.chain.from_iterable(itertools.combinations(parts, n) for n in (1, 2, 3))
        found = 0
        for edits in itertools.islice(sets, COMPOSED):
            program = apply(edits, right)
            if program is not None and not _needed(program, telling) and self._raise_alike(edits):
                yield edits
                found += 1
                if found == BASES:
                    return

    def _raise_alike(self, edits: Sequence[Edit]) -> bool:
        """Whether with these edits the same modules raise in eval mode as the student's."""
        for subject in self.explainer.evidence.subjects:
            program, trial = apply(edits, subject.task.program), subject.trials[0]
            orders = self.explainer.orders_of(program, subject, 1) if program else []
            if not orders:
                return False
            try:
                replay(program, orders[0], subject.exact, trial.seen, self.explainer.memory(trial))
            except Unregistered:
                continue
            except DOES_NOT_FIT as error:
                if trial.error is None or not same_error(trial.error, error):
                    return False
            else:
                if trial.error is not None:
                    return False
        return True

    def _parts(self, base: tuple[Edit, ...], subject: Subject) -> Iterator[tuple[Edit, int, int]]:
        """Edits to add to a base that leave right what is right already.

        Yields each with two masks, of the components that it does not touch, and of those that are as observed then.
        """
        start = apply(base, subject.task.program)
        orders = self.explainer.orders_of(start, subject, 6) if start else []
        if not orders:
            return
        seen = _components(subject)
        views = [(dict(self._view(start, names, subject)), names) for names in orders]
        origin, names = max(views, key=lambda view: sum(_same(view[0].get(c), seen[c]) for c in seen))
        bits = {c: 1 << bit for bit, c in enumerate(seen)}
        good = sum(bits[c] for c in seen if _same(origin.get(c), seen[c]))
        for edit in self.edits:
            program = apply((edit,), start) if edit not in base else None
            if program is None or program.tensors != start.tensors:
                continue
            if program == start:
                yield edit, sum(bits.values()), good
                continue
            own = (
                names
                if program.roles == start.roles
                else next(iter(self.explainer.orders_of(program, subject, 1)), None)
            )
            untouched = fits = 0
            for c, value in self._view(program, own, subject) if own else ():
                if c not in bits:
                    continue
                same = value is origin.get(c)
                untouched |= bits[c] * same
                fits |= bits[c] & good if same else bits[c] * _same(value, seen[c])
                if good & bits[c] & ~fits:
                    break
            else:
                yield edit, untouched, fits

    def _view(self, program: Program, names: Assignment, subject: Subject) -> Iterator[tuple[str, Any]]:
        """What the program computes, component by component; what cannot be told is left out."""
        for trial in _compared(subject):
            try:
                attempt = replay(program, names, subject.exact, trial.seen, self.explainer.memory(trial))
            except DOES_NOT_FIT as error:
                yield trial.seen.aspect, error
            except Unregistered:
                continue
            else:
                yield from attempt.statistics.items()
                yield trial.seen.aspect, attempt.output if not attempt.form else attempt.form

    def layer(self, edit: Edit) -> str:
        """The student's own layer that an edit is about, "" where it cannot be told."""
        for subject in self.wrong:
            program = apply((edit,), subject.task.program)
            if program is None or edit.place not in program.by_name:
                continue
            roles = program.by_name[edit.place].roles
            for names in self.explainer.orders_of(program, subject, 1) if roles else ():
                return f"self.{names[roles[0].name].rpartition('.')[0] or names[roles[0].name]}"
        return ""


def _hints(evidence: Evidence) -> Hints:
    """Sizes of tensors that the right program has not, and how networks built their blocks."""
    sizes, calls = set(), {}
    for subject in evidence.subjects:
        _, extra = compare(subject.task.program.roles, subject.found)
        sizes |= {size for one in extra if len(one.shape) < 3 for size in one.shape}
        if subject.calls:
            calls[task_of(subject.task.program)] = tuple(subject.calls)
    return Hints(frozenset(sorted(sizes)[:12]), tuple(calls.items()))


def _difference(more: Counter, less: Counter) -> dict:
    """How many tensors of each kind there are more, or fewer where the number is negative."""
    return {key: more[key] - less[key] for key in more | less if more[key] != less[key]}


def _needed(program: Program, subject: Subject) -> dict:
    """Tensors that the module has and the program has not, and the other way round."""
    return _difference(Counter((found.shape, found.learned) for found in subject.found), program.tensors)


def _compared(subject: Subject) -> list[Trial]:
    """The trials that tell mistakes apart quickly, the most telling first."""
    return [trial for trial in reversed(subject.trials[:2]) if trial.seen.aspect in ("eval", "train")]


def _components(subject: Subject) -> dict[str, Any]:
    """What was seen in these trials, piece by piece: running statistics and outputs."""
    seen: dict[str, Any] = {}
    for trial in _compared(subject):
        statistics = {f.name for f in subject.found if not f.learned}
        seen |= {name: value.double() for name, value in trial.seen.statistics.items() if name in statistics}
        output = trial.seen.output
        exact = output.double() if isinstance(output, Tensor) and not trial.seen.form else trial.seen.form
        seen[trial.seen.aspect] = trial.error or exact
    return seen


def _together(
    base: tuple[Edit, ...], parts: Sequence[tuple[Edit, int, int]], number: int
) -> Iterator[tuple[Edit, ...]]:
    """Add one or two edits that can make of each component what was observed."""
    every = functools.reduce(operator.or_, (untouched | fits for _, untouched, fits in parts), 0)
    if number == 1:
        yield from ((*base, edit) for edit, _, fits in parts if fits == every)
        return
    for (a, same_a, fits_a), (b, same_b, fits_b) in itertools.combinations(parts, 2):
        if (fits_a & same_b) | (same_a & fits_b) | (every & ~(same_a | same_b)) == every and a.name != b.name:
            yield (*base, a, b)


def _same(a: Any, b: Any) -> bool:
    if a is b:
        return True
    if isinstance(a, Exception) and isinstance(b, Exception):
        return same_error(b, a)
    if not (isinstance(a, Tensor) and isinstance(b, Tensor)):
        return type(a) is type(b) and a == b
    return a.numel() == b.numel() and bool((a.reshape(b.shape) - b).abs().max() <= TOLERANCE * b.abs().max())
