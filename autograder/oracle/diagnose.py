"""Find the mistakes that reproduce what the student's code computed, on the student's own weights.

A diagnosis is a proof: with the edits made, the right programs do what the student's classes do, for several
constructor arguments, in both modes, up to rounding. Single edits are tried first, then two, then three. What can be
together is told by the tensors and by what differs. Where several sets of edits explain the same, as when the code
raises before most of it is seen, only the names that all of them have are given. Counts bound the search, not a clock:
the same submission gets the same diagnosis on any machine.
"""

import contextlib
import functools
import itertools
import operator
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import torch
from torch import Tensor

from autograder.contract import QUESTION_NAMES
from autograder.oracle.edits import SEEN_ONLY, SENTENCES, Edit, Hints, apply, catalogue, task_of
from autograder.oracle.explain import (
    Explainer,
    can_be_raised,
    error_text,
    explains_failure,
    facts_agree,
    random_operations,
    same_error,
)
from autograder.oracle.interpreter import DOES_NOT_FIT, Unregistered
from autograder.oracle.matching import Assignment, compare, held_by
from autograder.oracle.observe import TOLERANCE, Observation, replay
from autograder.oracle.program import Program, layer_of
from autograder.oracle.trial import Evidence, Subject, Task, collect
from autograder.student.signature import further_parameters

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
BY_LISTS = {"module_list_called": "Module [ModuleList] is missing", "list_of_layers": "list is not a Module subclass"}
"""What is raised where a list of layers stands in the place of a layer, by the name of the mistake."""
OR = "|"
"""Between the names of mistakes of which one is there."""
FEW = 3
"""Mistakes that are told of where one of them is there."""
UNUSUAL = frozenset(
    ("other_activation", "other_norm", "other_result", "output_normalized", "pooled", "scaled", "separable")
)
"""Kinds of edit that are many and seldom one of two mistakes: a factor, Softshrink, a pooling at each place."""
MORE = 300
"""Effort that is left after the first set that explains everything: another may do so too."""


@dataclass(frozen=True)
class Diagnosis:
    """The mistakes that together reproduce the student's numbers.

    Args:
        mistakes: the edits.
        layers: for each of them the student's own layers, such as "self.conv1 and self.conv2"; "" where there are none.
        complete: whether they explain everything; otherwise there is another one, which may be one of several.
        unsure: for each of them whether another edit of its name explains as much, so that its place is not proved.
        instead: what it may be as well, where the code always raises and one other mistake explains as much.
        either: where one more mistake is there, and a few explain as much: an edit for each of them.
        besides: what lets the others be seen, if the first of the mistakes is the one that hides them, `seen_besides`:
            "dropout", or "lists".
    """

    mistakes: tuple[Edit, ...]
    layers: tuple[str, ...]
    complete: bool = True
    unsure: tuple[bool, ...] = ()
    instead: str = ""
    either: tuple[Edit, ...] = ()
    besides: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(dict.fromkeys(edit.name for edit in self.mistakes if edit.name))

    @property
    def sentences(self) -> list[str]:
        """What to tell the student about each of `names`: what is wrong, their own layer, and what to read again."""
        said = {}
        for edit, layer, unsure in itertools.zip_longest(self.mistakes, self.layers, self.unsure):
            if not edit.name:
                continue
            own = f" In your code: {layer}." if layer else ""
            own += f" Or it is this, which raises the same: {self.instead}" if self.instead else ""
            sentence = edit.vague if unsure else edit.sentence
            said.setdefault(edit.name, f"{sentence}{own} Read again: {edit.reading}.")
        return list(said.values())

    @property
    def either_name(self) -> str:
        """A name for the mistake that is one of several, "" where there is none."""
        return OR.join(edit.name for edit in self.either)

    @property
    def either_sentence(self) -> str:
        """What to tell the student about it."""
        said = " Or: ".join(edit.sentence for edit in self.either)
        what = "Besides, your code does what each of these mistakes does"
        return f"{what}: {said} Read again: {self.either[0].reading}." if said else ""

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
    if any(map(_begins_otherwise, evidence.subjects)):  # with what the last network of other checks has left behind
        evidence = collect(student, tasks_of(kind), SIZES[0], seed=0)
    return (
        _besides_dropout(student, kind, evidence)
        or _besides_lists(student, kind, evidence)
        or _explain(student, kind, evidence)
    )


def seen_besides(student: Any, what: str) -> contextlib.AbstractContextManager[Any]:
    """A context in which dropout returns its input, or a list of layers is taken for its layers."""
    return student.without_dropout() if what == "dropout" else student.with_lists()


def _besides_dropout(student: Any, kind: str, evidence: Evidence) -> Diagnosis | None:
    """Dropout, and what is wrong without it: what is random hides that. None where no dropout is the reason."""
    random = next((subject for subject in evidence.subjects if subject.random.what), None)
    if random is None or not hasattr(student, "without_dropout"):
        return None
    with seen_besides(student, "dropout"):
        silent = collect(student, tasks_of(kind), SIZES[0], seed=0)
        if any(subject.random.what for subject in silent.subjects):
            return None
        right = Explainer(silent).all_right
        rest = None if right else _explain(student, kind, silent)
    in_eval = any(one.random.in_eval for one in evidence.subjects)
    name = "dropout_in_eval" if in_eval else "dropout"
    dropout = next(edit for edit in catalogue(kind, Hints()) if edit.name == name)
    if rest is None:
        return Diagnosis((dropout,), ("",), right, (False,), besides="dropout")
    return _with_rest(dropout, rest, "dropout")


def _with_rest(first: Edit, rest: Diagnosis, besides: str) -> Diagnosis:
    """The diagnosis of what is left when the first mistake is out of the way, and that mistake."""
    unsure = (False, *(rest.unsure or [False] * len(rest.mistakes)))
    layers = ("", *rest.layers)
    return Diagnosis((first, *rest.mistakes), layers, rest.complete, unsure, rest.instead, besides=besides)


def _besides_lists(student: Any, kind: str, evidence: Evidence) -> Diagnosis | None:
    """A list of layers where a layer is expected, and what is wrong when it is taken for its layers.

    None where no list is the reason, or where the code raises or cannot be explained even so.
    """
    name = _raised_by_list(evidence)
    if not name or not hasattr(student, "with_lists"):
        return None
    with seen_besides(student, "lists"):
        mended = collect(student, tasks_of(kind), SIZES[0], seed=0)
        right = Explainer(mended).all_right
        rest = None if right or _raised_by_list(mended) else _explain(student, kind, mended)
    listed = next(edit for edit in catalogue(kind, Hints()) if edit.name == name)
    if right:
        return Diagnosis((listed,), ("",), unsure=(False,), besides="lists")
    return _with_rest(listed, rest, "lists") if rest is not None else None


def _raised_by_list(evidence: Evidence) -> str:
    """The name of the mistake that a list of layers stands where a layer is expected; "" where nothing says so."""
    errors = [one.error for one in evidence.not_built]
    errors += [trial.error for subject in evidence.subjects for trial in subject.trials if trial.error is not None]
    texts = [error_text(error) for error in errors]
    return next((name for name, raised in BY_LISTS.items() if any(raised in text for text in texts)), "")


def _explain(student: Any, kind: str, evidence: Evidence) -> Diagnosis | None:
    """The mistakes that explain the evidence; None where none do."""
    search = Search(evidence, kind)
    if search.explainer.all_right:
        return None
    again = functools.cache(lambda: Explainer(collect(student, tasks_of(kind), SIZES[1], 1, evidence)))
    alone = next((edits for edits in search.singles() if again().explains(edits)), None)
    together = [alone] if alone else []
    if alone is None or alone[0].name in SEEN_ONLY:
        together += [edits for edits in search.several() if again().explains(edits)]
    if not together:
        return None
    together = _likeliest(together, search.explainer)
    made = search.programs(together[0])
    others = [_names(edits) | {""} for edits in together if search.programs(edits) != made]
    certain = [edit for edit in together[0] if all(edit.name in names for names in others)]
    edits = tuple(edit for edit in certain if len(certain) == 1 or edit.name not in SEEN_ONLY)
    unsure = tuple(any(again().explains(others) for others in search.variants(together[0], edit)) for edit in edits)
    layers = tuple("" if vague else search.layer(edit) for edit, vague in zip(edits, unsure, strict=True))
    instead = ""
    if edits == alone and not search.explainer.runs:  # little is seen: another mistake may raise the same
        known = SEEN_ONLY | _names(alone)
        others = (other for (other,) in search.singles() if other.name not in known and again().explains((other,)))
        instead = next((other.sentence for other in others), "")
    either = _either(together, edits) if search.explainer.runs else ()
    complete = edits == together[0]
    edits = _from_outside(student, kind, edits)
    return Diagnosis(edits, layers, complete, unsure, instead, either) if edits else None


def _from_outside(student: Any, kind: str, edits: tuple[Edit, ...]) -> tuple[Edit, ...]:
    """The edits; a projection that is never there has another name where the block gets its shortcut in an argument.

    Where that is the only mistake, checks say so themselves, see `suite.foreign`.
    """
    if "projection_never" not in _names(edits) or len(edits) == 1 or not further_parameters(student.parameters(kind)):
        return edits
    sentence, reading = SENTENCES["shortcut_from_outside"]
    named = {"name": "shortcut_from_outside", "sentence": sentence, "reading": reading}
    return tuple(replace(edit, **named) if edit.name == "projection_never" else edit for edit in edits)


def _either(together: Sequence[tuple[Edit, ...]], certain: tuple[Edit, ...]) -> tuple[Edit, ...]:
    """Where the sets of edits differ in one mistake, an edit for each name that it may have; none where these are many.

    The first is that of the first set.
    """
    known = {edit.name for edit in certain}
    left = [[edit for edit in edits if edit.name and edit.name not in known] for edits in together]
    if any(len({edit.name for edit in edits} - SEEN_ONLY) != 1 for edits in left):
        return ()
    by_name = {edits[0].name: edits[0] for edits in reversed(left)}
    found = tuple(by_name[name] for name in dict.fromkeys(edits[0].name for edits in left))
    return found if 1 < len(found) <= FEW else ()


def _likeliest(sets: list[tuple[Edit, ...]], explainer: Explainer) -> list[tuple[Edit, ...]]:
    """Of sets of edits that all agree with what was observed, the shortest from which most of it follows."""
    sets = [edits for edits in sets if not SEEN_ONLY & _names(edits)] or sets[:1]
    sets = _that_predict_most(sets, explainer)
    fewest = min(len(_names(edits)) for edits in sets)
    return [edits for edits in sets if len(_names(edits)) == fewest]


def _that_predict_most(sets: list[tuple[Edit, ...]], explainer: Explainer) -> list[tuple[Edit, ...]]:
    """Of sets of edits that all agree with what was observed, those from which most of it follows."""
    by_names: dict[frozenset[str], list[tuple[Edit, ...]]] = {}
    for edits in sets:
        by_names.setdefault(_names(edits), []).append(edits)
    if len(by_names) == 1:
        return sets
    predicted = {names: explainer.predicted(some[0]) for names, some in by_names.items()}
    most = max(predicted.values())
    return [edits for names, some in by_names.items() if predicted[names] == most for edits in some]


def _names(edits: tuple[Edit, ...]) -> frozenset[str]:
    """The names of mistakes among edits; one without a name is another right way."""
    return frozenset(edit.name for edit in edits if edit.name)


def tasks_of(kind: str) -> list[Task]:
    """What is built to diagnose a class."""
    tasks = [Task(kind, arguments) for arguments in TASKS[kind]]
    if kind == "ResNet":
        return [*tasks, Task(kind, (1, (1, 1, 1, 1), 10), "default", norm=True), Task("ResNet18")]
    plain = next(a for a in TASKS[kind] if a[0] == a[1] and a[2] == 1)
    return [*tasks, Task(kind, plain, "default")]


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
        self.edits = catalogue(kind, _hints(evidence, self.explainer))
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
        return not all(can_be_raised(error) for error in errors)

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
        return max((sum(_same(value, seen[c]) for c, value in view if c in seen) for view in views), default=0)

    def _parts(self, base: tuple[Edit, ...]) -> Iterator[Part]:
        """Edits to add to a base that leave right what is right already."""
        start = apply(base, self.right)
        orders = self.explainer.orders_of(start, self.subject, 6) if start else []
        if not orders:
            return
        seen = self._seen
        views = [(dict(self._view(start, base, names)), names) for names in orders]
        origin, names = max(views, key=lambda view: sum(_same(view[0].get(c), seen[c]) for c in seen))
        bits = {c: 1 << bit for bit, c in enumerate(seen)}
        good = sum(bits[c] for c in seen if _same(origin.get(c), seen[c]))
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
                same = torch.equal(value, before) if _are_tensors(value, before) else _same(value, before)
                untouched |= bits[c] * same
                fits |= bits[c] & good if same else bits[c] * _same(value, seen[c])
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
        return value is not drawn or _same(trial.statistics[name].double(), drawn)

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


def _begins_otherwise(subject: Subject) -> bool:
    """Whether the first block of a network is built for other channels than the stem has."""
    return bool(subject.calls) and subject.calls[0][0] != subject.task.program.calls[0][0]


def _hints(evidence: Evidence, explainer: Explainer) -> Hints:
    """Sizes of tensors that the right program has not, how networks built their blocks, and a factor of the output."""
    sizes, calls = set(), {}
    for subject in evidence.subjects:
        _, extra = compare(subject.task.program.roles, subject.found)
        sizes |= {size for one in extra if len(one.shape) < 3 for size in one.shape}
        if subject.calls:
            calls[task_of(subject.task.program)] = tuple(subject.calls)
    factors = _factors(evidence, explainer)
    return Hints(frozenset(sorted(sizes)[:12]), tuple(calls.items()), factors, tuple(_unused(evidence)))


def _unused(evidence: Evidence) -> Iterator[tuple[tuple, tuple]]:
    """For each task the tensors of layers that get no gradient in any module, where that many are too many."""
    called: dict[str, bool] = {}
    for subject in evidence.subjects:
        for trial in subject.trials:
            for one in subject.found if trial.gradients else ():
                layer = layer_of(one.name)
                called[layer] = called.get(layer, False) or trial.gradients.get(one.name) is not None
    unused: set[str] = set()
    for layer in reversed([layer for layer in called if not called[layer]]):  # the last one is the likeliest
        if all(_are_too_many(unused | {layer}, subject) for subject in evidence.subjects):
            unused.add(layer)
    for subject in evidence.subjects if unused else ():
        yield task_of(subject.task.program), held_by(unused, subject.found)


def _are_too_many(layers: set[str], subject: Subject) -> bool:
    """Whether a module has the tensors of these layers besides all those of the right program."""
    theirs = Counter((f.shape, f.learned) for f in subject.found if layer_of(f.name) in layers)
    return theirs <= subject.tensors - subject.task.program.tensors


def _factors(evidence: Evidence, explainer: Explainer) -> tuple[float, ...]:
    """What the first output is the right one times, in eval mode; nothing where it is no multiple of it."""
    for subject in evidence.subjects:
        program, trial = subject.task.program, subject.trials[0]
        for names in explainer.orders_of(program, subject, 1) if trial.error is None else ():
            try:
                right = replay(program, names, subject.exact, trial, explainer.memory(trial)).output
            except DOES_NOT_FIT:
                continue
            alike = _are_tensors(trial.output, right) and trial.output.shape == right.shape
            if not alike or not trial.output.is_floating_point():
                continue
            factor = float(f"{(trial.output.double() * right).sum() / (right * right).sum():.5g}")
            return (factor,) if factor != 1 and _same(trial.output, factor * right) else ()
    return ()


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


def _same(a: Any, b: Any) -> bool:
    if a is b:
        return True
    if isinstance(a, Exception) and isinstance(b, Exception):
        return same_error(b, a)
    if not _are_tensors(a, b):
        return type(a) is type(b) and a == b
    return a.numel() == b.numel() and bool((a.reshape(b.shape) - b).abs().max() <= TOLERANCE * b.abs().max())


def _are_tensors(a: Any, b: Any) -> bool:
    return isinstance(a, Tensor) and isinstance(b, Tensor)
