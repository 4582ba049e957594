"""What is said of the mistakes that were found: names, sentences, the student's own layers."""

import itertools
from dataclasses import dataclass

from autograder.oracle.edits import Edit, apply
from autograder.oracle.program import Program

OR = "|"
"""Between the names of mistakes of which one is there."""


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
