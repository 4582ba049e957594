"""Names that a later cell gives to something else: the classes are graded with what these names were before.

The slice is executed as if all cells had run, so that the last definition of a helper counts. A cell that only uses the
network, or that plots images after `import torchvision.transforms.functional as F`, is not about the classes.
"""

import ast
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from autograder.submission.names import Footprint, reachable

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


class Statement(Protocol):
    """A top-level statement and what it does with names."""

    node: ast.stmt
    effect: Footprint


def find_rebound(statements: Sequence[Statement], required: Collection[str]) -> Mapping[int, frozenset[str]]:
    """For statements after the last one that defines or patches a required name, the names that they give away.

    A name is given away that was defined before, if it was imported from torch and now is something else, or if its new
    value is computed with a required class: no class needs that.

    Returns:
        For the number of a statement, the names that it binds although the classes mean what they were before.
    """
    needed = set(required)
    last = max((i for i, s in enumerate(statements) if (s.effect.binds | s.effect.patches) & needed), default=-1)
    before = {name for s in statements[: last + 1] for name in s.effect.binds}
    of_torch: set[str] = set()
    for statement in statements[: last + 1]:
        of_torch = (of_torch - statement.effect.binds) | _imported_from_torch(statement.node)
    users, objects = _users(statements, needed), set()
    found = {}
    for number, statement in enumerate(statements):
        node, binds = statement.node, statement.effect.binds
        if isinstance(node, _DEFINITIONS):
            continue
        made = _is_made_with(node, users, objects)
        if made:
            objects |= binds - needed
        if number > last:
            given = before & binds - needed
            lost = {name for name in given & of_torch if not _is_of_torch(node, name)}
            found[number] = frozenset(lost | (given if made else set()))
    return {number: names for number, names in found.items() if names}


def _users(statements: Sequence[Statement], needed: Collection[str]) -> set[str]:
    """The required names, and functions and classes that use them, directly or through each other."""
    users: dict[str, set[str]] = defaultdict(set)
    for statement in statements:
        for name in statement.effect.uses if isinstance(statement.node, _DEFINITIONS) else ():
            users[name] |= statement.effect.binds
    return reachable(needed, users)


def _is_made_with(node: ast.stmt, users: Collection[str], objects: Collection[str]) -> bool:
    """Whether a statement calls one of the users, or uses one of the objects that were made so."""
    for part in ast.walk(node):
        if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Load) and part.id in objects:
            return True
        if isinstance(part, ast.Call) and isinstance(part.func, ast.Name) and part.func.id in users:
            return True
    return False


def _imported_from_torch(node: ast.stmt) -> set[str]:
    """The names that an import of torch, or from torch, binds."""
    if isinstance(node, ast.ImportFrom) and _is_torch(node.module):
        return {alias.asname or alias.name for alias in node.names}
    if isinstance(node, ast.Import):
        return {alias.asname or alias.name.partition(".")[0] for alias in node.names if _is_torch(alias.name)}
    return set()


def _is_of_torch(node: ast.stmt, name: str) -> bool:
    """Whether the name may still be what is imported from torch: by an import, or as in `F = nn.functional`."""
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return name in _imported_from_torch(node)
    if not isinstance(node, ast.Assign):  # in a branch or a loop: it may be bound to anything, or not at all
        return isinstance(node, (ast.If, ast.Try)) and any(
            name in _imported_from_torch(part) for part in ast.walk(node) if isinstance(part, ast.stmt)
        )
    value = node.value
    while isinstance(value, ast.Attribute):
        value = value.value
    return isinstance(value, ast.Name) and value.id in ("torch", "nn")


def _is_torch(module: str | None) -> bool:
    return (module or "").partition(".")[0] == "torch"
