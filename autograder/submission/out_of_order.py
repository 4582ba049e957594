"""Statements that stand below one that needs them: in a notebook, a lower cell can have been run first.

A statement that lacks a name is tried again after the only statement that gives the name a value, if that has not been
executed yet. What runs from top to bottom is executed from top to bottom.
"""

import ast
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from autograder.submission.names import bound_by
from autograder.submission.slice import SlicedCell


@dataclass(eq=False)
class Step:
    """A kept statement, and whether its execution has begun."""

    cell: SlicedCell
    statement: ast.stmt
    begun: bool = False

    @property
    def filename(self) -> str:
        """What tracebacks call its code."""
        return f"<{self.cell.label}>"

    @property
    def place(self) -> str:
        """Where it stands, for the student."""
        return f"{self.cell.label}, line {self.statement.lineno}"


class Binders:
    """Knows which statement binds a name; looks at them when it is asked for the first time."""

    def __init__(self, steps: Sequence[Step]):
        self._steps = steps
        self._by_name: dict[tuple[str, str], list[Step]] | None = None

    def only_one(self, name: str, module: str) -> Step | None:
        """The only statement of a module, of those that have not begun, that binds the name.

        Of several that are equal, as an import that is repeated in each cell, it is the first one.
        """
        if self._by_name is None:
            self._by_name = defaultdict(list)
            for step in self._steps:
                for bound in bound_by(step.statement):
                    self._by_name[step.cell.module, bound].append(step)
        waiting = [step for step in self._by_name.get((module, name), ()) if not step.begun]
        return waiting[0] if len({ast.dump(step.statement) for step in waiting}) == 1 else None


class Moved:
    """Which statements were executed before those that stand above them."""

    def __init__(self) -> None:
        self._places: dict[tuple[str, str], tuple[Step, Step, str]] = {}

    def add(self, lower: Step, upper: Step, name: str) -> None:
        """`lower` was executed first, because `upper` needs the name that it binds."""
        self._places.setdefault((lower.cell.label, upper.cell.label), (lower, upper, name))

    def notes(self) -> Iterator[str]:
        """One text for the student for each pair of cells."""
        for lower, upper, name in self._places.values():
            yield (
                f"{upper.place}: `{name}` is needed here, but gets its value further down, in {lower.place}: move that "
                "above this line, for the code does not run from top to bottom. The grader ran it first."
            )
