"""Analysis of a top-level statement: which names of its module it binds, uses and changes."""

import ast
import contextlib
import symtable
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
_CHANGES_A_CONTAINER = {
    "add", "append", "appendleft", "clear", "discard", "extend", "insert", "move_to_end", "pop", "popitem",
    "register", "remove", "reverse", "setdefault", "sort", "update",
}  # fmt: skip
_OF_CONTAINERS = {f".{name}" for kind in (dict, list, set, str) for name in dir(kind)}
"""Methods that are most likely those of a container, even if a class of the submission has one of that name."""
_CHANGES_AN_ARGUMENT = {"heapify", "heappush", "insort", "insort_left", "insort_right", "setitem", "shuffle"}
_CHANGES_A_HELPER = ("add_", "register_", "set_")
MOST_NAMES = 200
"""Limit on the aliases and global effects that are followed from one place, so that analysis stays fast."""


@dataclass(frozen=True)
class Footprint:
    """The effects of executing one statement at module level.

    Args:
        binds: names it gives a value.
        imports: those of them that an import gives.
        uses: global names it reads, now or later (inside a function or method body); attributes with a dot in front.
        patches: names whose attributes or items it sets (`BasicBlock.forward = f`, `CFG["a"] = 1`).
        mutates: names whose object it changes through a method or a function (`CFG.update(...)`).
        adds: attributes that it sets, with a dot in front; a decorated function may become one.
        aliases: for names it binds, the names whose object they may be (`B = BasicBlock`, `for B in blocks`).
        trains: it runs a training step while it executes.
        always: an import whose effect on names cannot be seen (`from x import *`), or `from __future__`.
    """

    binds: frozenset[str]
    imports: frozenset[str]
    uses: frozenset[str]
    patches: frozenset[str]
    mutates: frozenset[str]
    adds: frozenset[str]
    aliases: dict[str, set[str]]
    trains: bool
    always: bool


@dataclass(frozen=True)
class Function:
    """The effects of calling a function, method or lambda of the submission.

    Args:
        positional: its positional parameters.
        rest: its `*args`, or "".
        binds: names it declares global.
        sets: global names whose attributes or items it sets.
        changes: global names whose object it changes by a method call.
        patches: parameters whose attributes or items it sets.
        mutates: parameters whose object it changes by a method call.
        adds: attributes that it sets, with a dot in front.
        calls: names that it calls; methods with a dot in front.
        trains: it runs a training step, or calls a function that does.
    """

    positional: tuple[str, ...]
    rest: str
    binds: frozenset[str]
    sets: frozenset[str]
    changes: frozenset[str]
    patches: frozenset[str]
    mutates: frozenset[str]
    adds: frozenset[str]
    calls: frozenset[str]
    trains: bool

    @property
    def changes_owner(self) -> bool:
        """Whether it changes its first parameter (for a method, the object or class)."""
        return bool(set(self.positional[:1]) & (self.patches | self.mutates))


def find_functions(statements: list[ast.stmt]) -> dict[str, Function]:
    """Return the functions that the statements define at module level, with their effects; methods as ".name"."""
    found: dict[str, Function] = {}
    for statement in statements:
        for node in _executed(statement):
            if isinstance(node, ast.ClassDef):
                for method in (child for child in node.body if isinstance(child, _DEFINITIONS)):
                    function = _function(method.args, method.body)
                    other = found.setdefault(f".{method.name}", function)
                    found[f".{method.name}"] = _either(other, function)
            elif isinstance(node, ast.Assign) and isinstance(node.value, ast.Lambda):
                function = _function(node.value.args, [node.value.body])
                found.update((target.id, function) for target in node.targets if isinstance(target, ast.Name))
        for node in _executed(statement, into_classes=False):
            if isinstance(node, _DEFINITIONS):
                found[node.name] = _function(node.args, node.body)
    callers: dict[str, list[str]] = {}
    for name, function in found.items():
        for called in function.calls - _OF_CONTAINERS:
            callers.setdefault(called, []).append(name)
    # A function that calls a training function trains, and so on.
    waiting = list(found)
    while waiting:
        callee = waiting.pop()
        for caller in callers.get(callee, ()):
            merged = _with_effects_of(found[caller], found[callee])
            if merged != found[caller]:
                found[caller] = merged
                waiting.append(caller)
    return found


def _either(first: Function, second: Function) -> Function:
    """The effects of a method that two classes define: a call may mean either."""
    main, other = (second, first) if second.changes_owner else (first, second)
    return replace(_with_effects_of(main, other), calls=first.calls | second.calls)


def _with_effects_of(caller: Function, callee: Function) -> Function:
    effects = {key: getattr(caller, key) | getattr(callee, key) for key in ("binds", "sets", "changes", "adds")}
    if sum(map(len, effects.values())) > MOST_NAMES:
        effects = {}
    return replace(caller, **effects, trains=caller.trains or callee.trains)


def _function(arguments: ast.arguments, body: Sequence[ast.AST]) -> Function:
    positional = tuple(a.arg for a in (*arguments.posonlyargs, *arguments.args))
    rest = arguments.vararg.arg if arguments.vararg else ""
    parameters = {*positional, rest, *(a.arg for a in arguments.kwonlyargs)} - {""}
    nodes = [node for statement in body for node in ast.walk(statement)]
    declared = {name for node in nodes if isinstance(node, ast.Global) for name in node.names}
    local = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)} - declared
    local |= {a.arg for a in ast.walk(arguments) if isinstance(a, ast.arg)}
    aliases = _aliases(nodes)
    patched = reachable((name for node in nodes for name in _patched(node)), aliases)
    mutated = reachable((name for node in nodes for name in _mutated(node)), aliases)
    return Function(
        positional,
        rest,
        binds=frozenset(declared),
        sets=frozenset(patched - local),
        changes=frozenset(mutated - local),
        patches=frozenset(patched & parameters),
        mutates=frozenset(mutated & parameters),
        adds=frozenset(name for node in nodes for name in _added(node)),
        calls=frozenset(name for node in nodes for name in (_called(node), _called_method(node))),
        trains=any(_is_training_call(node) for node in nodes),
    )


def footprint(statement: ast.stmt, segment: str, functions: dict[str, Function]) -> Footprint:
    """Analyse one top-level statement.

    Args:
        segment: its source text.
        functions: the functions of the whole submission.

    Raises:
        SyntaxError: the names in it contradict each other (`global` after use, say).
    """
    binds, imports, uses = _names(symtable.symtable(segment, "<statement>", "exec"))
    patches: set[str] = set()
    mutates: set[str] = set()
    adds: set[str] = set()
    trains = always = False
    nodes = list(_executed(statement))
    every = list(ast.walk(statement))
    uses |= {f".{node.attr}" for node in every if isinstance(node, ast.Attribute)}
    uses.update(_in_annotations(every))

    def runs(name: str) -> None:
        """The statement calls this function of the submission."""
        nonlocal trains
        if (called := functions.get(name)) is not None:
            binds.update(called.binds)
            patches.update(called.sets)
            mutates.update(called.changes)
            adds.update(called.adds)
            trains |= called.trains

    for node in nodes:
        patches.update(_patched(node))
        mutates.update(_mutated(node))
        adds.update(_added(node))
        trains |= _is_training_call(node)
        runs(_called(node))
        if isinstance(node, ast.ImportFrom):
            always |= node.module == "__future__" or node.names[0].name == "*"
        elif isinstance(node, ast.Call):
            _add_arguments_changed(node, functions, patches, mutates)
        elif isinstance(node, ast.ClassDef):
            for hook in (".__init_subclass__", *((".__new__", ".__init__") if node.keywords else ())):
                runs(hook)
        for decorator in getattr(node, "decorator_list", ()):
            patches.update(_handed_to_decorator(decorator), _class_of_method(node))
            mutates.add(_root(decorator))  # an object may store what it decorates: `@registry.entry`
            runs(_root(decorator))
    aliases = _aliases(nodes)
    patches, mutates = reachable(patches, aliases), reachable(mutates, aliases)
    if uses & {"globals", "eval", "exec"}:  # names as strings
        named = set(_identifiers(statement))
        uses |= named
        binds |= named if "globals" in patches | mutates else set()
    if isinstance(statement, ast.Delete):
        binds = set()  # a name may stay defined
    return Footprint(*map(frozenset, (binds, imports, uses, patches, mutates, adds)), aliases, trains, always)


def reachable(names: Iterable[str], aliases: Mapping[str, Collection[str]]) -> set[str]:
    """Return the names, and the names whose objects they may refer to."""
    seen = set(names)
    waiting = list(seen)
    while waiting and len(seen) < MOST_NAMES:
        new = set(aliases.get(waiting.pop(), ())) - seen
        seen |= new
        waiting.extend(new)
    return seen


def bound_by(statement: ast.stmt) -> set[str]:
    """The names that a top-level statement itself gives a value; not those of `from x import *`."""
    found = set()
    for node in _executed(statement, into_classes=False):
        if isinstance(node, (*_DEFINITIONS, ast.ClassDef)):
            found.add(node.name)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            found.add(node.id)
        elif isinstance(node, ast.alias):
            found.add(node.asname or node.name.partition(".")[0])
    return found


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
    """Yield the nodes that are executed with the statement: bodies of classes, but not of functions."""
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
    """Yield the names whose attributes or items this node sets or deletes."""
    if isinstance(node, (ast.Attribute, ast.Subscript)) and isinstance(node.ctx, (ast.Store, ast.Del)):
        yield _root(node)
    elif _called(node) in ("setattr", "delattr") and node.args:
        yield from _stands_for(node.args[0])


def _mutated(node: ast.AST) -> Iterator[str]:
    """Yield the names whose object this node changes by a method call, or hands to `bisect.insort` and the like."""
    if isinstance(node, ast.Attribute) and node.attr in _CHANGES_A_CONTAINER:  # also `map(WIDTHS.append, (64, 128))`
        yield _root(node)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        method = node.func.attr
        if method.startswith(_CHANGES_A_HELPER):
            yield _root(node.func)
        elif method in _CHANGES_AN_ARGUMENT:
            yield from (name for value in node.args[:1] for name in _stands_for(value))
    if isinstance(node, ast.Call) and _root(node.func) in ("dict", "list", "set"):  # `dict.update(CFG, x)`
        yield from (name for value in node.args[:1] for name in _stands_for(value))


def _added(node: ast.AST) -> Iterator[str]:
    """Yield the attributes that this node sets, with a dot in front."""
    if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store):
        yield f".{node.attr}"
    elif _called(node) == "setattr" and len(node.args) > 1 and isinstance(node.args[1], ast.Constant):
        yield f".{node.args[1].value}"
    elif isinstance(node, _DEFINITIONS) and node.decorator_list:
        yield f".{node.name}"


def _add_arguments_changed(
    call: ast.Call, functions: dict[str, Function], patches: set[str], mutates: set[str]
) -> None:
    """`patch(BasicBlock)`, where the submission's `patch` sets attributes of its parameter; `config.fill()`."""
    method = functions.get(_called_method(call))
    if method and not method.trains and method.changes_owner:
        mutates.add(_root(call.func))
    if (function := functions.get(_called(call))) is not None:
        given = [*zip(function.positional, call.args), *((k.arg, k.value) for k in call.keywords)]  # noqa: B905
        given += [(function.rest, value) for value in call.args[len(function.positional) :]]
        for parameter, value in given:
            names = set(_stands_for(value))
            patches.update(names if parameter in function.patches else ())
            mutates.update(names if parameter in function.mutates else ())
    # `map(patch, [BasicBlock, Bottleneck])`
    handed = [functions[a.id] for a in call.args if isinstance(a, ast.Name) and a.id in functions]
    for value in call.args if any(function.patches for function in handed) else ():
        patches.update(_stands_for(value))


def _aliases(nodes: Iterable[ast.AST]) -> dict[str, set[str]]:
    """Map names that the nodes bind to the names whose object, or an element of it, they may refer to."""
    found: dict[str, set[str]] = {}
    for node in nodes:
        pairs: list[tuple[ast.expr, Iterable[str]]] = []
        if isinstance(node, (ast.For, ast.AsyncFor, ast.comprehension)):
            pairs = [(node.target, _loaded(node.iter))]
        elif isinstance(node, ast.withitem) and node.optional_vars is not None:
            pairs = [(node.optional_vars, _loaded(node.context_expr))]
        elif isinstance(node, ast.NamedExpr):
            pairs = [(node.target, _stands_for(node.value))]
        elif isinstance(node, ast.Assign):
            pairs = [(target, _stands_for(node.value)) for target in node.targets]
        for target, names in pairs:
            behind = set(names)
            if len(behind) > MOST_NAMES:
                continue
            for name in ast.walk(target) if behind else ():
                if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store):
                    found.setdefault(name.id, set()).update(behind)
    return found


def _stands_for(value: ast.expr) -> Iterator[str]:
    """Yield `A` for `A`, `A.x` and `A[0]`, `A` and `B` for `[A, B]`; nothing for computed values such as `A()`."""
    if isinstance(value, (ast.List, ast.Tuple, ast.Set)):
        for element in value.elts:
            yield from _stands_for(element)
    elif isinstance(value, ast.Dict):
        for element in value.values:
            yield from _stands_for(element)
    elif isinstance(value, (ast.Attribute, ast.Subscript, ast.Starred, ast.NamedExpr)):
        yield from _stands_for(value.value)
    elif isinstance(value, ast.Name):
        yield value.id


def _loaded(expression: ast.expr) -> Iterator[str]:
    return (node.id for node in ast.walk(expression) if isinstance(node, ast.Name))


def _identifiers(statement: ast.stmt) -> Iterator[str]:
    """Yield strings and keywords in the statement, also in function bodies, that could be names."""
    for node in ast.walk(statement):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
            yield node.value
        elif isinstance(node, ast.keyword) and node.arg:
            yield node.arg


def _in_annotations(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Yield the names in annotations that are texts: TorchScript and `typing.get_type_hints` look for them."""
    for node in nodes:
        for annotation in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            for part in ast.walk(annotation) if isinstance(annotation, ast.AST) else ():
                if isinstance(part, ast.Constant) and isinstance(part.value, str):
                    with contextlib.suppress(SyntaxError, ValueError, RecursionError, MemoryError):
                        yield from _loaded(ast.parse(part.value, mode="eval").body)


def _handed_to_decorator(decorator: ast.expr) -> Iterator[str]:
    """`@add_to_class(BasicBlock)` above a function."""
    if isinstance(decorator, ast.Call):
        yield from (name for argument in decorator.args for name in _stands_for(argument))


def _class_of_method(node: ast.AST) -> Iterator[str]:
    """`@patch` above `def forward(self: BasicBlock, x)`."""
    first = node.args.args[:1] if isinstance(node, _DEFINITIONS) else []
    for parameter in first:
        if parameter.arg == "self" and parameter.annotation is not None:
            yield from _stands_for(parameter.annotation)


def _is_training_call(node: ast.AST) -> bool:
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "backward"


def _called(node: ast.AST) -> str:
    """The name that a call calls, or ""."""
    return node.func.id if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) else ""


def _called_method(node: ast.AST) -> str:
    """`.fit` for `trainer.fit()`, or ""."""
    return f".{node.func.attr}" if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) else ""


def _root(node: ast.AST) -> str:
    """`BasicBlock` for `BasicBlock.forward.__defaults__[0]`, or "" where no name is at the root."""
    while isinstance(node, (ast.Attribute, ast.Subscript, ast.Call, ast.NamedExpr)):
        node = node.func if isinstance(node, ast.Call) else node.value
    return node.id if isinstance(node, ast.Name) else ""
