"""What a top-level statement does to the names of its module: which it binds, uses and changes."""

import ast
import symtable
from collections.abc import Iterator
from dataclasses import dataclass, replace

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_CHANGES_A_CONTAINER = {
    "add", "append", "appendleft", "clear", "discard", "extend", "insert", "move_to_end", "pop", "popitem",
    "register", "remove", "reverse", "setdefault", "sort", "update",
}  # fmt: skip
_CHANGES_A_HELPER = ("add_", "register_", "set_")


@dataclass(frozen=True)
class Footprint:
    """What executing one statement at module level does.

    Args:
        binds: names it gives a value.
        imports: those of them that an import gives.
        uses: global names it reads, now or later (inside a function or method body).
        patches: names whose attributes or items it sets (`BasicBlock.forward = f`, `CFG["a"] = 1`).
        mutates: names whose object it changes through a method or a function (`CFG.update(...)`).
        trains: it runs a training step while it executes.
        always: an import whose effect on names cannot be seen (`from x import *`), or `from __future__`.
    """

    binds: frozenset[str]
    imports: frozenset[str]
    uses: frozenset[str]
    patches: frozenset[str]
    mutates: frozenset[str]
    trains: bool
    always: bool


@dataclass(frozen=True)
class Function:
    """What calling a top-level function does.

    Args:
        positional: its positional parameters.
        changes: global names whose value or object it changes.
        patches: parameters whose attributes or items it sets.
        calls: names that it calls.
        trains: it runs a training step, or calls a function that does.
    """

    positional: tuple[str, ...]
    changes: frozenset[str]
    patches: frozenset[str]
    calls: frozenset[str]
    trains: bool


def find_functions(statements: list[ast.stmt]) -> dict[str, Function]:
    """The functions that the statements define at module level, with what calling them does."""
    found = {}
    for statement in statements:
        for node in _executed(statement, into_classes=False):
            if isinstance(node, _DEFINITIONS):
                found[node.name] = _function(node)
    # A function that calls a training function trains.
    training = [name for name, function in found.items() if function.trains]
    callers: dict[str, list[str]] = {}
    for name, function in found.items():
        for called in function.calls:
            callers.setdefault(called, []).append(name)
    seen = set(training)
    while training:
        for caller in callers.get(training.pop(), ()):
            if caller not in seen:
                seen.add(caller)
                training.append(caller)
    return {name: replace(function, trains=name in seen) for name, function in found.items()}


def _function(definition: ast.FunctionDef | ast.AsyncFunctionDef) -> Function:
    arguments = definition.args
    positional = tuple(a.arg for a in (*arguments.posonlyargs, *arguments.args))
    parameters = {*positional, *(a.arg for a in arguments.kwonlyargs)}
    nodes = [node for statement in definition.body for node in ast.walk(statement)]
    declared = {name for node in nodes if isinstance(node, ast.Global) for name in node.names}
    local = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)} - declared
    local |= {a.arg for a in ast.walk(arguments) if isinstance(a, ast.arg)}
    patched = {name for node in nodes for name in _patched(node)}
    mutated = {name for node in nodes for name in _mutated(node)}
    return Function(
        positional,
        changes=frozenset((declared | patched | mutated) - local),
        patches=frozenset(patched & parameters),
        calls=frozenset(_called(node) for node in nodes),
        trains=any(_is_training_call(node) for node in nodes),
    )


def footprint(statement: ast.stmt, segment: str, functions: dict[str, Function]) -> Footprint:
    """Analyse one top-level statement.

    Args:
        segment: its source text.
        functions: the top-level functions of the whole submission.

    Raises:
        SyntaxError: the names in it contradict each other (`global` after use, say).
    """
    binds, imports, uses = _names(symtable.symtable(segment, "<statement>", "exec"))
    patches: set[str] = set()
    mutates: set[str] = set()
    trains = always = False
    for node in _executed(statement):
        patches.update(_patched(node))
        mutates.update(_mutated(node))
        trains |= _is_training_call(node)
        if isinstance(node, ast.ImportFrom):
            always |= node.module == "__future__" or node.names[0].name == "*"
        elif isinstance(node, ast.Call):
            patches.update(_patched_by_call(node, functions))
        if (called := functions.get(_called(node))) is not None:
            mutates.update(called.changes)
            trains |= called.trains
        for decorator in getattr(node, "decorator_list", ()):
            patches.update(_handed_to_decorator(decorator))
            if (called := functions.get(_root(decorator))) is not None:
                mutates.update(called.changes)
    if isinstance(statement, ast.Delete):
        binds = set()  # names that stay defined hurt nobody
    return Footprint(*map(frozenset, (binds, imports, uses, patches, mutates)), trains, always)


def _names(table: symtable.SymbolTable) -> tuple[set[str], set[str], set[str]]:
    # What `:=` binds inside a comprehension counts as declared global here.
    binds = {s.get_name() for s in table.get_symbols() if s.is_assigned() or s.is_imported() or s.is_declared_global()}
    imports = {s.get_name() for s in table.get_symbols() if s.is_imported()}
    uses = {s.get_name() for s in table.get_symbols() if s.is_referenced()}
    scopes = list(table.get_children())
    while scopes:
        scope = scopes.pop()
        scopes.extend(scope.get_children())
        for symbol in scope.get_symbols():
            # `F = F` in a class body reads the global F before the class has its own.
            read = symbol.is_referenced() and (symbol.is_global() or isinstance(scope, symtable.Class))
            if read or symbol.is_declared_global():  # `n += 1` does not count as reading n
                uses.add(symbol.get_name())
    return binds, imports, uses


def _executed(statement: ast.stmt, into_classes: bool = True) -> Iterator[ast.AST]:
    """The nodes that run when the statement runs: not the bodies of functions, but those of classes."""
    waiting: list[ast.AST] = [statement]
    while waiting:
        node = waiting.pop()
        yield node
        if isinstance(node, _DEFINITIONS):
            waiting.extend((*node.decorator_list, node.args))
        elif isinstance(node, ast.Lambda):
            waiting.append(node.args)
        elif into_classes or not isinstance(node, ast.ClassDef):
            waiting.extend(ast.iter_child_nodes(node))


def _patched(node: ast.AST) -> Iterator[str]:
    """Names whose attributes or items this node sets or deletes."""
    if isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(node.ctx, (ast.Store, ast.Del)):
        yield _root(node)
    elif _called(node) in ("setattr", "delattr") and node.args and isinstance(node.args[0], ast.Name):
        yield node.args[0].id


def _mutated(node: ast.AST) -> Iterator[str]:
    """Names whose object this node changes by a method call."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        method = node.func.attr
        if method in _CHANGES_A_CONTAINER or method.startswith(_CHANGES_A_HELPER):
            yield _root(node.func)


def _patched_by_call(call: ast.Call, functions: dict[str, Function]) -> Iterator[str]:
    """`patch(BasicBlock)`, where the submission's `patch` sets attributes of its parameter."""
    function = functions.get(_called(call))
    if function is None:
        return
    given = [*zip(function.positional, call.args), *((k.arg, k.value) for k in call.keywords)]  # noqa: B905
    for parameter, value in given:
        if parameter in function.patches and isinstance(value, ast.Name):
            yield value.id


def _handed_to_decorator(decorator: ast.expr) -> Iterator[str]:
    """`@add_to_class(BasicBlock)` above a function."""
    if isinstance(decorator, ast.Call):
        yield from (argument.id for argument in decorator.args if isinstance(argument, ast.Name))


def _is_training_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "backward"


def _called(node: ast.AST) -> str:
    """The name that a call calls, or ""."""
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def _root(node: ast.AST) -> str:
    """`BasicBlock` for `BasicBlock.forward.__defaults__[0]`, or "" where no name is at the root."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""
