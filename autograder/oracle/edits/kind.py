"""What an edit is, how a kind of edit is registered, and the words for places in a program."""

import functools
import itertools
import tomllib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from autograder.oracle.program import Op, Program, basic_block, bottleneck, network
from autograder.student.probe import Call

BASIC, BOTTLENECK, RESNET = "BasicBlock", "Bottleneck", "ResNet"
BLOCKS = (BASIC, BOTTLENECK)
EVERYWHERE = (*BLOCKS, RESNET)
PARTS = {BASIC: 2, BOTTLENECK: 3, RESNET: 4}
"""The part of the notebook that explains each class."""

Change = Callable[[Program], Program | None]
"""Makes a wrong program of a right one; returns it as it is where the mistake makes no difference, None (or raises
KeyError, or AttributeError for an option) where it cannot be made."""


@dataclass(frozen=True)
class Hints:
    """What the student's module shows of itself; an edit that uses it must still be proved.

    Args:
        sizes: dimensions of its vectors and matrices that the right network lacks.
        factors: what the output is a multiple of the right one by.
        calls: how each network built its blocks, by the network's task, see `task_of`.
        unused: tensors of layers that are too many and get no gradient, by task: name, kind of role, and shape.
    """

    sizes: frozenset[int] = frozenset()
    calls: tuple[tuple[tuple, tuple[Call, ...]], ...] = ()
    factors: tuple[float, ...] = ()
    unused: tuple[tuple[tuple, tuple[tuple[str, str, tuple[int, ...]], ...]], ...] = ()

    def called(self, p: Program) -> tuple[Call, ...] | None:
        """How the network of this task built its blocks; None where it is not known."""
        return dict(self.calls).get(task_of(p))


def task_of(p: Program) -> tuple:
    """What tells one network that is built from another."""
    return p.kind, p.fact("how"), p.arguments


@dataclass(frozen=True)
class Edit:
    """One mistake that students make. Several edits may share a name: variants of the same mistake.

    Args:
        name: in snake_case, for reports and the gallery; "" for another right way, which only others make visible.
        sentence: what the student reads.
        reading: the section of the paper, or the part of the notebook, to read again.
        change: the edit of a program.
        places: the operations that it is about: their tensors show the student's own layers.
        rank: of several edits, those of a higher rank are made first.
        kind: the function that yielded it.
        vague: what the student reads where another edit of this name does the same, "" for `sentence`.
    """

    name: str
    sentence: str
    reading: str
    change: Change = field(repr=False)
    places: tuple[str, ...] = ()
    rank: int = 0
    kind: str = ""
    vague: str = ""


Found = Iterator[tuple]
"""What a kind yields for each edit: its name, the change, and maybe the words for its sentence, and the place."""
_KINDS: list[tuple[Callable[..., Found], str, tuple[str, ...], int]] = []
SENTENCES = {
    name: (sentence, reading)
    for reading, sentences in tomllib.loads(Path(__file__).parents[1].joinpath("mistakes.toml").read_text()).items()
    for name, sentence in sentences.items()
}
"""From `mistakes.toml`, by name of the mistake: the template of its sentence, and what to read again."""


def kind(classes: Sequence[str] = BLOCKS, sentence: str = "", rank: int = 0) -> Callable:
    """Register a kind of edit.

    The function gets the longest right program of a class, and `Hints`; it yields `(name, change)`, and maybe the words
    of the sentence and the place, for each place where the edit makes sense. These words are no words of the sentence:

    - "places": the operations that it is about, where there are several;
    - "sentence": the key of another sentence than that of the name;
    - "vague": the words that take the place of some where the edit is not the only one of its name that explains what
      was observed.

    Args:
        classes: in which it can occur.
        sentence: the key in `mistakes.toml` for names that have no sentence of their own.
        rank: edits of a higher rank are made first: those that make a new program, which others then change.
    """

    def register(function: Callable[..., Found]) -> Callable[..., Found]:
        _KINDS.append((function, sentence, tuple(classes), rank))
        return function

    return register


NOT_CALLABLE = ("TypeError", "'NoneType' object is not callable")
"""What forward raises where it calls a layer that is None."""
SEEN_ONLY = {"stages_differ"}
"""Edits that know what the student's own networks are built of, and nothing of others."""

LONGEST = {
    BASIC: basic_block(6, 10, 2),
    BOTTLENECK: bottleneck(10, 8, 2),
    RESNET: network(2, (2, 2, 2, 2), 10),
}
"""The programs whose operations are the places of edits."""


@cache
def catalogue(class_name: str, hints: Hints) -> tuple[Edit, ...]:
    """Every edit of a class, the likeliest first."""
    edits = []
    for function, default, classes, rank in _KINDS:
        for name, change, *more in function(LONGEST[class_name], hints) if class_name in classes else ():
            words, place = more[0] if more else {}, tuple(more[1:2])
            places = words.get("places", place) if place else ()
            if not name:
                edits.append(Edit("", "", "", change, rank=rank, kind=function.__name__))
                continue
            keys = (name, name.removeprefix("stem_"), words.get("sentence"), default)
            own = ((f"{class_name}.{key}", key) for key in keys)
            sentence, reading = SENTENCES[next(key for pair in own for key in pair if key in SENTENCES)]
            reading = reading.format(part=PARTS[class_name])
            vague = sentence.format(**words | words["vague"]) if "vague" in words else ""
            edits.append(Edit(name, sentence.format(**words), reading, change, places, rank, function.__name__, vague))
    return tuple(edits)


def apply(edits: Iterable[Edit], program: Program) -> Program | None:
    """The program with every edit made, one after the other; None where they cannot be made together."""
    for edit in sorted(edits, key=lambda edit: -edit.rank):
        try:
            changed = edit.change(program)
        except (LookupError, AttributeError):  # another edit removed or replaced the operation that this one changes
            return None
        if changed is None or not changed.ordered:
            return None
        program = changed
    return program


WHERE = {
    BASIC: {"conv1": "first", "bn1": "first", "relu1": "middle", "conv2": "second", "bn2": "last", "relu": "last"},
    BOTTLENECK: {
        **{"conv1": "first", "bn1": "first", "relu1": "first", "conv2": "middle", "bn2": "middle", "relu2": "middle"},
        **{"conv3": "last", "bn3": "last", "relu": "last"},
    },
    RESNET: {"conv": "stem", "bn": "stem", "stem": "stem"},
}
"""A word for a place, for names."""
PHRASES = {
    **{"conv1": "your first convolution", "conv2": "your second convolution", "conv3": "your last convolution"},
    **{"bn1": "your first BatchNorm", "bn2": "your second BatchNorm", "bn3": "your last BatchNorm"},
    **{"relu1": "your first ReLU", "relu2": "your second ReLU", "relu": "the ReLU after the addition"},
    **{"shortcut_conv": "the convolution of your shortcut", "shortcut": "the BatchNorm of your shortcut"},
    **{"conv": "the convolution of your stem", "bn": "the BatchNorm of your stem", "stem": "the ReLU of your stem"},
    **{"sum": "the addition", "pool": "the pooling", "flat": "the flattening", "linear": "the linear layer"},
    "x": "the input",
}
"""The words for a place, for sentences."""


def where(p: Program, name: str) -> str:
    """The word for an operation, in names."""
    return WHERE[p.kind].get(name, name.removesuffix("_conv"))


def prefix(p: Program) -> str:
    """What names of mistakes in a network's stem begin with, where both blocks know the mistake too."""
    return "stem_" if p.kind == RESNET else ""


def phrase(*names: str) -> str:
    """The words for operations, in sentences."""
    words = [PHRASES.get(name, f"stage {name[5]}" if name.startswith("stage") else name) for name in names]
    return " and ".join(filter(None, (", ".join(words[:-1]), *words[-1:])))


def places(p: Program, kind_of_op: str, outside: bool = True) -> list[str]:
    """The operations of a kind; with `outside` those of the shortcut too."""
    return [o.name for o in p.ops if o.kind == kind_of_op and (outside or not o.name.startswith("shortcut"))]


def scopes(p: Program, kind_of_op: str) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """Operations that are changed together, with the words for them: all, those of F, each alone, two of three.

    The word "places" is no word, but these operations: the student reads which layers of the code they are.
    """
    for names, what in _groups(p, kind_of_op):
        yield names, {"what": what, "places": names}


def _groups(p: Program, kind_of_op: str) -> Iterator[tuple[tuple[str, ...], str]]:
    everywhere, residual = places(p, kind_of_op), places(p, kind_of_op, outside=False)
    called = {"conv": "convolutions", "norm": "BatchNorms"}[kind_of_op]
    if len(everywhere) > 1:
        yield tuple(everywhere), f"all your {called}"
        yield tuple(residual), f"the {called} of F(x)"
    for name in everywhere:
        yield (name,), phrase(name)
    if len(residual) == 3:
        for names in itertools.combinations(residual, 2):
            yield names, phrase(*names)


def on(names: Iterable[str], function: Callable[[Program, str], Program], kind_of_op: str = "") -> Change:
    """Change these operations one by one; a shortcut may lack some."""

    def change(p: Program) -> Program:
        for name in names:
            here = p.by_name.get(name)
            if here is not None and (not kind_of_op or here.kind == kind_of_op):
                p = function(p, name)
            elif not name.startswith("shortcut"):
                raise KeyError(name)
        return p

    return change


def options(names: Iterable[str], kind_of_op: str, **changes: Any) -> Change:
    """Other options for these operations."""
    return on(names, lambda p, name: p.change(name, **changes), kind_of_op)


def remove(*names: str) -> Change:
    """Leave these operations out."""
    return on(names, Program.without)


Place = str | Callable[[Program], str]


def insert(after: Place, new: Op | Callable[[Program], Op], only: Sequence[str] = ()) -> Change:
    """Insert an operation on a value; it is used in its place everywhere, or in the operations `only`."""

    def change(p: Program) -> Program:
        return p.insert(after(p) if callable(after) else after, new(p) if callable(new) else new, only)

    return change


def both(*changes: Change) -> Change:
    """One change after the other."""
    return lambda p: functools.reduce(lambda program, change: change(program), changes, p)


def where_it(condition: Callable[[Program], Any], change: Change) -> Change:
    """Change only the programs for which the condition holds."""
    return lambda p: change(p) if condition(p) else p


def residual(p: Program) -> str:
    """The value F(x), before the addition."""
    return p.by_name["sum"].inputs[0]


def projects(p: Program) -> bool:
    """Whether the shortcut is a projection."""
    return "shortcut_conv" in p.by_name


def stride_of(p: Program) -> int:
    """The stride that a block was built with."""
    return p.arguments[2]


def out_planes(p: Program) -> int:
    """Channels that leave a block."""
    return p.arguments[1] * (4 if p.kind == BOTTLENECK else 1)
