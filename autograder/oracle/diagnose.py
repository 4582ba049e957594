"""Find the mistakes that reproduce what the student's code computed, on the student's own weights.

A diagnosis is a proof: with the edits made, the right programs do what the student's classes do, for several
constructor arguments, in both modes, up to rounding. Where several sets of edits explain the same, as when the code
raises before most of it is seen, only the names that all of them have are given.
"""

import contextlib
import functools
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from autograder.contract import QUESTION_NAMES
from autograder.oracle.diagnosis import Diagnosis
from autograder.oracle.edits import SEEN_ONLY, SENTENCES, Edit, Hints, catalogue
from autograder.oracle.explain import Explainer, error_text
from autograder.oracle.search import Search
from autograder.oracle.trial import Evidence, Subject, Task, collect
from autograder.student.signature import shortcut_parameters

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
BY_LISTS = {"module_list_called": "Module [ModuleList] is missing", "list_of_layers": "list is not a Module subclass"}
"""What is raised where a list of layers stands in the place of a layer, by the name of the mistake."""
FEW = 3
"""Mistakes that are told of where one of them is there."""


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
    return _with_rest(student, kind, dropout, rest, "dropout")


def _with_rest(student: Any, kind: str, first: Edit, rest: Diagnosis, besides: str) -> Diagnosis:
    """The diagnosis of what is left when the first mistake is out of the way, and that mistake."""
    unsure = (False, *(rest.unsure or [False] * len(rest.mistakes)))
    layers = ("", *rest.layers)
    mistakes = _from_outside(student, kind, (first, *rest.mistakes))
    return Diagnosis(mistakes, layers, rest.complete, unsure, rest.instead, besides=besides)


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
    return _with_rest(student, kind, listed, rest, "lists") if rest is not None else None


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
    if "projection_never" not in _names(edits) or len(edits) == 1 or not shortcut_parameters(student.parameters(kind)):
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


def _begins_otherwise(subject: Subject) -> bool:
    """Whether the first block of a network is built for other channels than the stem has."""
    return bool(subject.calls) and subject.calls[0][0] != subject.task.program.calls[0][0]
