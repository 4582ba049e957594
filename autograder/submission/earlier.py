"""Earlier slices: what the required names were when they had been defined, before later cells changed them.

The slice leaves out a statement that it does not see to change anything, such as a method of the student's that fills
a table. And a later cell may give a needed name to something else, or patch a class for an experiment. So if the slice
loses points, the state after the last definition is graded too, and that after the last patch. Of the statements
before, these slices keep all that touch what a class needs; what they compute is needed as well. They leave out what
only gives the name of a class to an object of it.
"""

import ast
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from typing import Protocol, TypeVar

from autograder.submission.names import Footprint, reachable

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_DEFINITIONS = (*_FUNCTIONS, ast.ClassDef)
_ANY_NAME = ({"globals"}, {"locals"}, {"exec"}, {"eval"}, {".modules", "__name__"})
"""With each of these, code may read or change any name."""
_ENVIRONMENT = {".environ", ".getenv", ".putenv"}


class Statement(Protocol):
    """A top-level statement and what it does with names."""

    node: ast.stmt
    effect: Footprint


_AnyStatement = TypeVar("_AnyStatement", bound=Statement)


def earlier_ends(statements: Sequence[Statement], required: Collection[str]) -> list[int]:
    """How many statements there are up to the last definition of a required name, and up to the last patch of one.

    An import of a name that the submission defines itself, to compare the two, is no definition.
    """
    needed = set(required)
    own = {name for s in statements for name in (s.effect.binds - s.effect.imports) & needed}
    bound = [s.effect.binds & needed - (s.effect.imports & own) for s in statements]
    defining = [number for number, names in enumerate(bound, 1) if names]
    changing = [number for number, s in enumerate(statements, 1) if bound[number - 1] or s.effect.patches & needed]
    return list(dict.fromkeys([*defining[-1:], *changing[-1:]]))


def without_trials(statements: Sequence[_AnyStatement], required: Collection[str]) -> list[_AnyStatement]:
    """Leave out what gives a required name to what that makes, as a cell does that tries a class: `Net = Net()`."""
    return [one for one in statements if not _given_to_what_it_makes(one.node) & set(required)]


def _given_to_what_it_makes(statement: ast.stmt) -> set[str]:
    """`A` in `A = A()`, `net = A = nn.DataParallel(A())` and `for A in [A()]:`; not in `A = add_forward(A)`.

    Nothing where the statement also defines a function or a class.
    """
    found: set[str] = set()
    nodes = [*ast.walk(statement)]
    if any(isinstance(node, _DEFINITIONS) for node in nodes):
        return found
    for node in nodes:
        value = node.iter if isinstance(node, ast.For) else getattr(node, "value", None)
        if isinstance(node, (ast.Assign, ast.AnnAssign, ast.NamedExpr, ast.For)) and value is not None:
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            stored = {part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)}
            calls = (part.func for part in ast.walk(value) if isinstance(part, ast.Call))
            found |= stored & {called.id for called in calls if isinstance(called, ast.Name)}
    return found


def touching_earlier(statements: Sequence[Statement], required: Collection[str]) -> Mapping[str, list[Statement]]:
    """Map each name to the statements to keep if it is needed; "" to those that are kept anyway.

    A statement touches a variable or a class if it mentions it, or calls a function that does. Training is left out
    unless it gives a value to a needed name.
    """
    needed = set(required)
    behind: dict[str, set[str]] = defaultdict(set)
    objects: set[str] = set()
    for statement in statements:
        effect = statement.effect
        if isinstance(statement.node, _DEFINITIONS):
            for name in effect.binds - needed:
                behind[name] |= effect.uses
        if not isinstance(statement.node, _FUNCTIONS):
            objects |= effect.binds - effect.imports - needed
    imported = {name for statement in statements for name in statement.effect.imports}
    by_text = any(_may_mean_any_name(s, s.effect.uses) for s in statements if isinstance(s.node, _DEFINITIONS))
    touching = defaultdict(list)
    for statement in statements:
        effect, names = statement.effect, set(statement.effect.binds)
        if isinstance(statement.node, _DEFINITIONS):
            names |= (effect.patches | effect.mutates) & (objects | needed)
        elif not effect.trains:
            mentioned = reachable(effect.uses | effect.patches | effect.mutates, behind)
            names |= mentioned & objects | (effect.patches & needed)
            names |= _ENVIRONMENT if mentioned & _ENVIRONMENT else set()
            if effect.patches & imported:  # `torch.Tensor.gap = gap`, `builtins.WIDTH = 64`
                names |= {part for name in effect.adds for part in (name, name.removeprefix("."))}
            if _may_mean_any_name(statement, mentioned):
                names.add("")
        if by_text and not effect.trains and isinstance(statement.node, (*_DEFINITIONS, ast.Assign, ast.AnnAssign)):
            names.add("")
        for name in names:
            touching[name].append(statement)
    return touching


def _may_mean_any_name(statement: Statement, mentioned: Collection[str]) -> bool:
    """Whether a statement, or a function that it calls, may read or change names that its text does not show."""
    if any(all(name in mentioned for name in names) for names in _ANY_NAME):
        return True
    calls = (node for node in ast.walk(statement.node) if isinstance(node, ast.Call) and not node.args)
    return any(isinstance(node.func, ast.Name) and node.func.id == "vars" for node in calls)
