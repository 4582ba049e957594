"""The second slice: what the required names were when the last of them was defined.

The slice leaves out a statement that it does not see to change anything, such as `globals()[name] = 10` or a method of
the student's that fills a table. And a later cell may give a needed name to something else. If the slice loses points,
this one is graded too. Of the statements up to the last definition, it keeps all that touch what a class needs, and
what these compute is needed as well.
"""

import ast
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from autograder.submission.names import Footprint, reachable

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_DEFINITIONS = (*_FUNCTIONS, ast.ClassDef)
_ANY_NAME = {
    *("globals", "locals", "vars", "exec", "eval", "setattr", "delattr", "sys"),
    *(".__dict__", ".__setattr__", ".environ", ".putenv"),
}
"""With these a statement may change any name or attribute."""


class Statement(Protocol):
    """A top-level statement and what it does with names."""

    node: ast.stmt
    effect: Footprint


def touching_as_defined(statements: Sequence[Statement], required: Collection[str]) -> Mapping[str, list[Statement]]:
    """Map each name to the statements to keep if it is needed; "" to those that are kept anyway.

    A statement touches a variable or a class if it mentions it, or calls a function that does. Training is left out.
    """
    needed = set(required)
    last = max((i for i, s in enumerate(statements) if (s.effect.binds | s.effect.patches) & needed), default=-1)
    before = statements[: last + 1]
    behind: dict[str, set[str]] = defaultdict(set)
    objects: set[str] = set()
    for statement in before:
        effect = statement.effect
        if isinstance(statement.node, _DEFINITIONS):
            for name in effect.binds - needed:
                behind[name] |= effect.uses
        if not isinstance(statement.node, _FUNCTIONS):
            objects |= effect.binds - effect.imports - needed
    imported = {name for statement in before for name in statement.effect.imports}
    touching = defaultdict(list)
    for statement in before:
        effect, names = statement.effect, set(statement.effect.binds)
        if isinstance(statement.node, _DEFINITIONS):
            names |= (effect.patches | effect.mutates) & (objects | needed)
        elif effect.trains:
            names &= needed
        else:
            mentioned = reachable(effect.uses | effect.patches | effect.mutates, behind)
            names |= mentioned & objects | (effect.patches & needed)
            if mentioned & _ANY_NAME or effect.patches & imported:
                names.add("")
        for name in names:
            touching[name].append(statement)
    return touching
