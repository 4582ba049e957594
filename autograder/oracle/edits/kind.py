"""What an edit is, how a kind of edit is registered, and the words for places in a program."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cache

from autograder.oracle.edits.sentences import SENTENCES
from autograder.oracle.program import Program, basic_block, bottleneck, network

BASIC, BOTTLENECK, RESNET = "BasicBlock", "Bottleneck", "ResNet"
BLOCKS = (BASIC, BOTTLENECK)
EVERYWHERE = (*BLOCKS, RESNET)

PAPER_BLOCK = "He et al. 2015, section 3.2 and figure 2"
PAPER_BOTTLENECK = "He et al. 2015, section 4.1, 'Deeper Bottleneck Architectures', figure 5"
PAPER_SHORTCUT = "He et al. 2015, section 3.3, option B"
PAPER_NETWORK = "He et al. 2015, section 3.3 and table 1"
BATCHNORM = "He et al. 2015, section 3.4: BatchNorm right after each convolution and before activation"
PARTS_2_3, PART_4 = "Parts 2 and 3 of the notebook", "Part 4 of the notebook"

Change = Callable[[Program], Program | None]
"""Makes a wrong program of a right one; returns it as it is where the mistake makes no difference, None (or raises
KeyError) where it cannot be made."""


@dataclass(frozen=True)
class Hints:
    """What the student's module shows of itself; an edit that uses it must still be proved.

    Args:
        sizes: every dimension of its tensors.
        calls: how each network of `tasks` built its blocks, by the arguments of the network.
    """

    sizes: frozenset[int] = frozenset()
    calls: tuple[tuple[tuple, tuple[tuple[int, int, int], ...]], ...] = ()


@dataclass(frozen=True)
class Edit:
    """One mistake that students make. Several edits may share a name: variants of the same mistake.

    Args:
        name: in snake_case, for reports and the gallery.
        sentence: what the student reads.
        reading: the section of the paper, or the part of the notebook, to read again.
        change: the edit of a program.
        place: the operation that it is about, "" for none: its tensors show the student's own layer.
    """

    name: str
    sentence: str
    reading: str
    change: Change = field(repr=False)
    place: str = ""


Found = Iterator[tuple]
"""What the function of a kind yields for each edit: name, change, words for the template, and maybe the place."""
_KINDS: list[tuple[Callable[..., Found], str, str, tuple[str, ...]]] = []


def kind(template: str, reading: str, classes: Sequence[str] = BLOCKS) -> Callable:
    """Register a kind of edit.

    The function gets the longest right program of a class, and `Hints`; it yields `(name, change, words)` or
    `(name, change, words, place)` for each place where the edit makes sense.

    Args:
        template: the sentence for the student, with `{words}`; `sentences.SENTENCES` has better ones for famous names.
        reading: what to read again.
        classes: in which it can occur.
    """

    def register(function: Callable[..., Found]) -> Callable[..., Found]:
        _KINDS.append((function, template, reading, tuple(classes)))
        return function

    return register


LONGEST = {
    BASIC: basic_block(6, 10, 2),
    BOTTLENECK: bottleneck(10, 8, 2),
    RESNET: network(2, (2, 2, 2, 2), 10),
}
"""The programs whose operations are the places of edits."""


@cache
def catalogue(class_name: str, hints: Hints = Hints()) -> tuple[Edit, ...]:
    """Every edit of a class, the likeliest first."""
    edits = []
    for function, template, reading, classes in _KINDS:
        if class_name not in classes:
            continue
        for name, change, words, *place in function(LONGEST[class_name], hints):
            sentence = SENTENCES.get(f"{class_name}.{name}") or SENTENCES.get(name) or template.format(**words)
            edits.append(Edit(name, sentence, reading, change, *place))
    return tuple(edits)


def apply(edits: Iterable[Edit], program: Program) -> Program | None:
    """The program with every edit made, one after the other; None where they cannot be made together."""
    for edit in edits:
        try:
            changed = edit.change(program)
        except (KeyError, IndexError):  # another edit removed the operation that this one changes
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
    "conv1": "your first convolution",
    "conv2": "your second convolution",
    "conv3": "your last convolution",
    "bn1": "your first BatchNorm",
    "bn2": "your second BatchNorm",
    "bn3": "your last BatchNorm",
    "relu1": "your first ReLU",
    "relu2": "your second ReLU",
    "shortcut_conv": "the convolution of your shortcut",
    "shortcut": "the BatchNorm of your shortcut",
    "sum": "the addition",
    "relu": "the ReLU after the addition",
    "conv": "the convolution of your stem",
    "bn": "the BatchNorm of your stem",
    "stem": "the ReLU of your stem",
    "pool": "the pooling",
    "flat": "the flattening",
    "linear": "the linear layer",
}
"""The words of sentences for a place."""


def where(program: Program, name: str) -> str:
    """The word for an operation, in names."""
    return WHERE[program.kind].get(name, name.removesuffix("_conv"))


def prefix(program: Program) -> str:
    """What names of mistakes in a network's stem begin with, where both blocks know the mistake too."""
    return "stem_" if program.kind == RESNET else ""


def phrase(name: str) -> str:
    """The words for an operation, in sentences."""
    return PHRASES.get(name, f"stage {name[5]}" if name.startswith("stage") else name)


def places(program: Program, kind_of_op: str, outside: bool = True) -> list[str]:
    """The operations of a kind; with `outside` those of the shortcut too."""
    return [o.name for o in program.ops if o.kind == kind_of_op and (outside or not o.name.startswith("shortcut"))]


def scopes(program: Program, kind_of_op: str) -> Iterator[tuple[tuple[str, ...], str]]:
    """Sets of operations of a kind that are changed together, with the words for them: all, those of F, each alone."""
    everywhere, residual = places(program, kind_of_op), places(program, kind_of_op, outside=False)
    if len(everywhere) > 1:
        yield tuple(everywhere), {"conv": "all your convolutions", "norm": "all your BatchNorms"}.get(kind_of_op, "")
    if 1 < len(residual) < len(everywhere):
        yield tuple(residual), {"conv": "the convolutions of F(x)", "norm": "the BatchNorms of F(x)"}[kind_of_op]
    for name in everywhere:
        yield (name,), phrase(name)
    if len(residual) == 3:
        for pair in ((0, 1), (0, 2), (1, 2)):
            names = tuple(residual[i] for i in pair)
            yield names, " and ".join(map(phrase, names))


def on(names: Sequence[str], function: Callable[[Program, str], Program | None], kind_of_op: str = "") -> Change:
    """Change these operations one by one; a shortcut may lack some."""

    def change(program: Program) -> Program | None:
        for name in names:
            here = program.by_name.get(name)
            if here is not None and (not kind_of_op or here.kind == kind_of_op):
                program = function(program, name)
            elif not name.startswith("shortcut"):
                raise KeyError(name)
        return program

    return change


def options(names: Sequence[str], kind_of_op: str, **changes: object) -> Change:
    """Other options for these operations."""
    return on(names, lambda program, name: program.change(name, **changes), kind_of_op)


def last_norm(program: Program) -> str:
    """The value F(x), before the addition."""
    return program.by_name["sum"].inputs[0]


def projects(program: Program) -> bool:
    """Whether the shortcut is a projection."""
    return "shortcut_conv" in program.by_name


def stride_of(program: Program) -> int:
    """The stride that a block was built with."""
    return program.arguments[2]


def out_planes(program: Program) -> int:
    """Channels that leave a block."""
    return program.arguments[1] * (4 if program.kind == BOTTLENECK else 1)
