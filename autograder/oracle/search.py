"""The search for edits of the right program that together do what the student's code did.

Single edits are tried first, then two, then three. What can be together is told by the tensors and by what differs.
Counts bound the search, not a clock: the same submission gets the same diagnosis on any machine.
"""

import functools
import itertools
import operator
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from autograder.oracle.edits import Edit, apply, catalogue
from autograder.oracle.explain import (
    Explainer,
    are_tensors,
    explains_failure,
    facts_agree,
    is_same,
    random_operations,
)
from autograder.oracle.hints import hints_of
from autograder.oracle.interpreter import DOES_NOT_FIT, Unregistered
from autograder.oracle.matching import Assignment
from autograder.oracle.observe import Observation, replay
from autograder.oracle.program import Program, layer_of
from autograder.oracle.trial import Evidence, Subject

BASES = 24
"""Sets of edits of one length with the student's tensors, to which others are added."""
RANKED = 200
"""Sets among which those are chosen."""
PARTIAL = 8
"""Groups of sets of edits of one length, each with other tensors that come near to the student's; others are added."""
VARIANTS = 40
"""Sets of such a group."""
EFFORT = 20_000
"""For all sets of two or three edits; each costs 1, and more where it is compared."""
COMPARED = {"BasicBlock": 2, "Bottleneck": 2, "ResNet": 9}
"""What it costs to compare a set with the trials of one module, by class."""
VERIFIED = 25
"""What it costs to compare a set with all the evidence."""
UNUSUAL = frozenset(
    ("other_activation", "other_norm", "other_result", "output_normalized", "pooled", "scaled", "separable")
)
"""Kinds of edit that are many and seldom one of two mistakes: a factor, Softshrink, a pooling at each place."""
MORE = 300
"""Effort that is left after the first set that explains everything: another may do so too."""


class Part(NamedTuple):
    """An edit that is added to others, with masks of the components of an observation.

    Args:
        untouched: the components that it does not touch.
        fits: those that are as observed with it.
        hidden: those that it hides, because it raises first. Beside another edit it may raise later, or not at all.
        depth: the number of operations before the first that it changes.
    """

    edit: Edit
    untouched: int
    fits: int
    hidden: int
    depth: int


class Search:
    """The search for edits that explain the evidence of one question.

    Several edits are looked for with one of the modules, `subject`: the wrong one that shows most. What explains it
    must explain the others too.
    """

    def __init__(self, evidence: Evidence, kind: str):
        self.explainer = Explainer(evidence)
        self.edits = catalogue(kind, hints_of(evidence, self.explainer))
        pairs = zip(evidence.subjects, self.explainer.right, strict=True)
        self.wrong = [subject for subject, right in pairs if not right]
        self._kind, self._left = kind, EFFORT
        self._alike: dict[Program, bool] = {}
        self._begun: dict[tuple[int, ...], Program | None] = {}

    @functools.cached_property
    def subject(self) -> Subject:
        """The module that shows most of what is wrong."""
        return max(self.wrong, key=lambda s: (len(_compared(s)), _distance(s.task.program, s)))

    @functools.cached_property
    def right(self) -> Program:
        """The right program for it."""
        return self.subject.task.program

    def singles(self) -> Iterator[tuple[Edit]]:
        """Each edit that alone explains everything."""
        for edit in self.edits:
            if edit.name and self.explainer.explains((edit,)):
                yield (edit,)

    def variants(self, edits: tuple[Edit, ...], one: Edit) -> Iterator[tuple[Edit, ...]]:
        """Sets that explain everything too: in the place of an edit, another for which its vague sentence is true."""
        others = tuple(edit for edit in edits if edit is not one)
        for edit in self.edits if one.vague else ():
            alike = edit.name == one.name and edit.vague == one.vague
            if alike and edit.sentence != one.sentence and self.explainer.explains((*others, edit)):
                yield (*others, edit)

    def programs(self, edits: tuple[Edit, ...]) -> list[Program | None]:
        """What is built with these edits, whatever its steps are called."""
        evidence = self.explainer.evidence
        made = (apply(edits, one.task.program) for one in (*evidence.subjects, *evidence.not_built))
        return [program and program.anonymous for program in made]

    def several(self) -> Iterator[tuple[Edit, ...]]:
        """Two or three edits that together explain everything; after the first set those found soon after it."""
        if not self.wrong or self._is_beyond_edits():
            return
        found: tuple[Edit, ...] = ()
        for edits in self._sets():
            if self._left <= 0 or (found and len(edits) > len(found)):
                return
            if self._explains(edits):
                yield edits
                if not found:
                    found = edits
                    yield from self._alternatives(edits)
                    self._left = min(self._left, MORE)

    def _explains(self, edits: tuple[Edit, ...]) -> bool:
        """Whether the edits explain everything. What is quick to tell comes first: `subject`, which shows most."""
        self._left -= 1
        program = self._made(edits)
        if program is None or not facts_agree(program, self.subject):
            return False
        if program not in self._alike:
            orders = self.explainer.orders_of(program, self.subject, 2)
            self._left -= COMPARED[self._kind] * bool(orders)
            self._alike[program] = any(self.explainer.replays(program, self.subject, 2))
        if not self._alike[program]:
            return False
        self._left -= VERIFIED
        return self.explainer.explains(edits)

    def _alternatives(self, found: tuple[Edit, ...]) -> Iterator[tuple[Edit, ...]]:
        """Sets with another edit in the place of one, which explain everything too: the others hide what it does."""
        for one in found:
            others = tuple(edit for edit in found if edit is not one)
            for edit in self.edits:
                if edit not in found and edit.name != one.name and self._explains((*others, edit)):
                    yield (*others, edit)

    def _is_beyond_edits(self) -> bool:
        """Whether the code raises what no program raises, such as an exception of its own."""
        for missing in self.explainer.evidence.not_built:
            if not any(explains_failure(apply((edit,), missing.task.program), missing) for edit in self.edits):
                return True
        errors = (trial.error for subject in self.wrong for trial in subject.trials if trial.error is not None)
        return not all(self.explainer.can_be_explained(error) for error in errors)

    def _made(self, edits: tuple[Edit, ...]) -> Program | None:
        """What `apply` returns for the subject's program; a program to which edits are added is made once."""
        *first, last = sorted(edits, key=lambda edit: -edit.rank)
        key = tuple(map(id, first))
        if key not in self._begun:
            self._begun[key] = apply(first, self.right)
        return apply((last,), self._begun[key]) if self._begun[key] is not None else None

    def _sets(self) -> Iterator[tuple[Edit, ...]]:
        """Sets of two edits, then of three, that may do what the module did.

        First come sets that give the program the module's tensors, then edits are added that leave the tensors as they
        are. An edit that brings the program nearer to the tensors is made first; what it lacks then, another may do.
        """
        yield from self._beside_other_right_ways()
        one, partial = self._nearer([[()]])
        if not _distance(self.right, self.subject):
            yield from _together((), list(self._parts(())))
        bases = self._likeliest(one)
        yield from ((*base, edit) for base in bases for edit in self.edits if edit not in base)
        two, partial = self._nearer(partial)
        yield from two
        more = self._likeliest(two)
        yield from ((*base, edit) for base in more for edit in self.edits if edit not in base)
        yield from self._nearer(partial)[0]
        for base in bases[:1]:
            yield from _together(base, list(self._parts(base)))

    def _beside_other_right_ways(self) -> Iterator[tuple[Edit, ...]]:
        """Each mistake with each other right way. Where both are needed until the code raises as it does, neither
        alone gets anything right."""
        ways = [edit for edit in self.edits if not edit.name] if not self.explainer.runs else []
        yield from ((way, edit) for way in ways for edit in self.edits if edit.name)

    def _nearer(
        self, groups: Sequence[Sequence[tuple[Edit, ...]]]
    ) -> tuple[list[tuple[Edit, ...]], list[list[tuple[Edit, ...]]]]:
        """Sets with one edit more, which give the program tensors that are no farther from those of the module.

        Returns those that give it all of them, and the others in groups with the same tensors, the nearest first.
        """
        complete: list[tuple[Edit, ...]] = []
        partial: dict[tuple[int, frozenset], list[tuple[Edit, ...]]] = {}
        for group in groups:
            before = apply(group[0], self.right)
            distance = _distance(before, self.subject)
            for edit in self._reshaping if distance else ():
                program = self._made((*group[0], edit))
                if program is None or program.tensors == before.tensors:
                    continue
                if (left := _distance(program, self.subject)) > distance:
                    continue
                sets = [(*edits, edit) for edits in group]
                if left:
                    partial.setdefault((left, frozenset(program.tensors.items())), []).extend(sets)
                else:
                    complete += sets
        nearest = sorted(partial, key=operator.itemgetter(0))
        return complete, [partial[key][:VARIANTS] for key in nearest[:PARTIAL]]

    @functools.cached_property
    def _reshaping(self) -> list[Edit]:
        """The edits that may change the program's tensors; one that cannot be made yet, another may make possible."""
        made = ((edit, apply((edit,), self.right)) for edit in self.edits)
        return [edit for edit, program in made if program is None or program.tensors != self.right.tensors]

    def _likeliest(self, sets: Sequence[tuple[Edit, ...]]) -> list[tuple[Edit, ...]]:
        """Those with which most of what was seen is right."""
        return sorted(sets[:RANKED], key=lambda edits: -self._right_components(edits))[:BASES]

    def _right_components(self, edits: tuple[Edit, ...]) -> int:
        """How much of what was seen of a module is seen with these edits as well."""
        program = apply(edits, self.right)
        orders = self.explainer.orders_of(program, self.subject, 2)
        seen = self._seen
        views = (self._view(program, edits, names) for names in orders)
        return max((sum(is_same(value, seen[c]) for c, value in view if c in seen) for view in views), default=0)

    def _parts(self, base: tuple[Edit, ...]) -> Iterator[Part]:
        """Edits to add to a base that leave right what is right already."""
        start = apply(base, self.right)
        orders = self.explainer.orders_of(start, self.subject, 6) if start else []
        if not orders:
            return
        seen = self._seen
        views = [(dict(self._view(start, base, names)), names) for names in orders]
        origin, names = max(views, key=lambda view: sum(is_same(view[0].get(c), seen[c]) for c in seen))
        bits = {c: 1 << bit for bit, c in enumerate(seen)}
        good = sum(bits[c] for c in seen if is_same(origin.get(c), seen[c]))
        for edit in self.edits:
            program = apply((*base, edit), self.right) if edit not in base else None
            if program is None or program.tensors != start.tensors:
                continue
            own = names
            if program.roles != start.roles:
                own = next(iter(self.explainer.orders_of(program, self.subject, 1)), None)
            untouched = fits = shown = 0
            for c, value in self._view(program, (*base, edit), own) if own else ():
                if c not in bits:
                    continue
                shown |= bits[c]
                before = origin.get(c)
                same = torch.equal(value, before) if are_tensors(value, before) else is_same(value, before)
                untouched |= bits[c] * same
                fits |= bits[c] & good if same else bits[c] * is_same(value, seen[c])
                if good & bits[c] & ~fits:
                    break
            else:
                alike = itertools.takewhile(lambda pair: pair[0] == pair[1], zip(program.ops, start.ops, strict=False))
                hidden = sum(bits.values()) & ~shown if own else 0
                yield Part(edit, untouched, fits, hidden, sum(1 for _ in alike))

    def _view(self, program: Program, edits: tuple[Edit, ...], names: Assignment) -> Iterator[tuple[str, Any]]:
        """What is seen of the program that has these edits, component by component; without what cannot be told."""
        yield "calls", sorted(program.calls)
        yield "expansion", program.fact("expansion")
        yield "random", random_operations(program)
        for missing in self.explainer.evidence.not_built:
            yield missing.task.written, explains_failure(apply(edits, missing.task.program), missing)
        memory = self.explainer.memory
        for trial in _compared(self.subject):
            try:
                attempt = replay(program, names, self.subject.exact, trial, memory(trial), until_error=True)
            except DOES_NOT_FIT as error:
                yield _label(trial), error
            except Unregistered:
                continue
            else:
                for name, value in attempt.statistics.items():
                    if attempt.error is None or self._is_reached(trial, name, value):
                        yield f"{_label(trial)} {name}", value
                yield _label(trial), attempt.error or attempt.form or attempt.output

    def _is_reached(self, trial: Observation, name: str, value: Tensor) -> bool:
        """Whether a pass that raises came to a layer, as a running statistic says; or the student's came no farther."""
        drawn = self.subject.exact[name]
        return value is not drawn or is_same(trial.statistics[name].double(), drawn)

    @functools.cached_property
    def _seen(self) -> dict[str, Any]:
        """What was seen of a module, component by component: as in `_view`."""
        seen: dict[str, Any] = {missing.task.written: True for missing in self.explainer.evidence.not_built}
        if self.subject.calls is not None:
            seen["calls"] = sorted(self.subject.calls)
        if "expansion" in self.subject.facts:
            seen["expansion"] = self.subject.facts["expansion"]
        if self.subject.random.checked == "output":
            seen["random"] = self.subject.random.operations
        for trial in _compared(self.subject):
            statistics = {f.name for f in self.subject.found if not f.learned} - self.subject.random.varying
            seen |= {f"{_label(trial)} {n}": v.double() for n, v in trial.statistics.items() if n in statistics}
            output = trial.output
            exact = output.double() if isinstance(output, Tensor) and not trial.form else trial.form
            if not self.subject.random.affects(trial.aspect):
                seen[_label(trial)] = trial.error or exact
        return seen

    def layer(self, edit: Edit) -> str:
        """The student's own layers that an edit is about, in words; "" where they cannot be told."""
        found = max((self._layers_of(edit, subject) for subject in self.wrong if edit.places), key=len, default=[])
        return " and ".join(filter(None, (", ".join(found[:-1]), *found[-1:])))

    def _layers_of(self, edit: Edit, subject: Subject) -> list[str]:
        """Those that one module has: only some have a projection shortcut."""
        program = apply((edit,), subject.task.program)
        places = [program.by_name[place] for place in edit.places if place in program.by_name] if program else []
        roles = [place.roles[0].name for place in places if place.roles]
        for names in self.explainer.orders_of(program, subject, 1) if roles else ():
            return list(dict.fromkeys(f"self.{layer_of(names[role])}" for role in roles))
        return []


def _distance(program: Program, subject: Subject) -> int:
    """How many tensors the program has and the module has not, and the other way round."""
    return (subject.tensors - program.tensors).total() + (program.tensors - subject.tensors).total()


def _compared(subject: Subject) -> list[Observation]:
    """Trials that tell mistakes apart quickly, the quickest last: one that raised, in train mode, in eval mode."""
    passes = [trial for trial in subject.trials if trial.aspect in ("eval", "train")] or subject.trials
    running = [trial for trial in passes if trial.error is None]
    raised = sorted((t for t in passes if t.error is not None), key=lambda t: bool(t.statistics))
    return [*raised[-1:], *running[:2][::-1]]


def _label(trial: Observation) -> str:
    return f"{trial.aspect} {tuple(trial.x.shape)}"


def _together(base: tuple[Edit, ...], parts: Sequence[Part]) -> Iterator[tuple[Edit, ...]]:
    """Add two edits that can make of each component what was observed.

    Where each component is touched by one alone, that is told without computing anything: these come first, then those
    that touch few components together. Of these, two likely mistakes come first, and edits near the end of the program
    are compared soonest. Last come those of which one has to touch, beside the other, what it does not touch by itself.
    """
    every = functools.reduce(operator.or_, (part.untouched | part.fits for part in parts), 0)
    possible = []
    for a, b in itertools.combinations(sorted(parts, key=lambda part: part.depth), 2):
        alone = (a.fits & b.untouched) | (a.untouched & b.fits)
        together = every & ~alone & (~(a.untouched | b.untouched) | a.hidden | b.hidden)
        missing = every & ~(alone | together)
        if a.edit.name != b.edit.name:
            unusual = (a.edit.kind in UNUSUAL) + (b.edit.kind in UNUSUAL)
            possible.append((missing.bit_count(), together.bit_count(), unusual, -b.depth, a.edit, b.edit))
    possible.sort(key=lambda pair: pair[:4])
    yield from ((*base, a, b) for *_, a, b in possible)
