"""Find ready-made networks in the syntax tree of the slice, before anything is executed.

Only uses count: `torchvision.transforms` is allowed, and so is an import that no required name uses.
"""

import ast
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping

from autograder.contract import REQUIRED
from autograder.submission.ready_made import imports, is_ready_made
from autograder.submission.slice import Slice

WORDS = ("torchvision", "timm", "hub", "transformers", "pytorchcv", "pretrainedmodels")
"""Code that contains none of these words uses none of those modules."""
OF_A_MODULE = (
    *("forward", "train", "eval", "apply", "to", "requires_grad_", "zero_grad", "state_dict", "load_state_dict"),
    *("parameters", "named_parameters", "buffers", "named_buffers", "children", "named_children", "modules"),
    *("named_modules", "add_module", "register_module"),
)
"""Methods that others call although the code does not name them."""
DECORATORS = ("classmethod", "staticmethod", "property", "no_grad", "inference_mode", "ignore", "unused")
"""Decorators that do not call the method."""

Node = tuple[str, ast.stmt]
"""A top-level statement and the label of its cell."""


def find_delegation(slice_: Slice) -> dict[str, str]:
    """Map each required name that is built on a ready-made network to the place where, for the student."""
    if not any(word in cell.source for cell in slice_.cells for word in WORDS):
        return {}
    nodes = slice_.nodes
    called = {name for _, node in nodes for name in _mentioned(node)}
    aliases = _lasting_imports(node for _, node in nodes)
    touching: dict[str, list[Node]] = defaultdict(list)
    for node in nodes:
        for name in _touched(node[1]):
            touching[name].append(node)
    found = {}
    for name in REQUIRED:
        if (where := next(_uses(name, touching, aliases, called), None)) is not None:
            found[name] = where
    return found


def _uses(
    name: str, touching: Mapping[str, list[Node]], aliases: Mapping[str, str], called: Collection[str]
) -> Iterator[str]:
    """Yield the uses of ready-made code in the definition of `name` and its helpers, without other required names."""
    waiting, seen, searched = [name], {name}, set()
    while waiting:
        wanted = waiting.pop()
        for label, node in touching.get(wanted, ()):
            if node in searched or isinstance(node, (ast.Import, ast.ImportFrom)):
                continue
            searched.add(node)
            executable = list(_executable(node, called))
            for line, dotted in _ready_made(executable, aliases):
                yield f"{label}, line {line}: `{dotted}`"
            for inner in executable:
                if isinstance(inner, ast.Name) and inner.id not in seen and inner.id not in REQUIRED:
                    seen.add(inner.id)
                    waiting.append(inner.id)
        if wanted in REQUIRED and is_ready_made(aliases.get(wanted, "")):  # `from torchvision.models import ResNet`
            label, node = touching[wanted][0]
            yield f"{label}, line {node.lineno}: `{aliases[wanted]}`"


def _lasting_imports(nodes: Iterable[ast.stmt]) -> dict[str, str]:
    """Map each imported name to its full dotted name, except names that the code itself defines later.

    A definition that reads the import, such as `class ResNet(ResNet)`, does not replace it.
    """
    found: dict[str, str] = {}
    for node in nodes:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and node.name not in _read_at_once(node):
            found.pop(node.name, None)
        found |= dict(imports(node))
    return found


def _read_at_once(node: ast.AST) -> set[str]:
    """The names that a definition reads when it is executed: not those in the bodies of functions."""
    found, waiting = set(), [node]
    while waiting:
        part = waiting.pop()
        if isinstance(part, ast.Name):
            found.add(part.id)
        for field, value in ast.iter_fields(part):
            if not (field == "body" and isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))):
                waiting += [one for one in (value if isinstance(value, list) else [value]) if isinstance(one, ast.AST)]
    return found


def _touched(node: ast.stmt) -> set[str]:
    """Return the names that a top-level statement binds or changes."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {node.name}
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return {alias for alias, _ in imports(node)}
    names = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            names.add(inner.id)
        elif isinstance(inner, (ast.Attribute, ast.Subscript)) and isinstance(inner.ctx, ast.Store):
            names.add(_dotted(inner.value).split(".")[0])
    return names


def _mentioned(node: ast.stmt) -> Iterator[str]:
    """Yield the names after a dot, the texts that may be such names, and `name=` for options that are switched on."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Attribute):
            yield inner.attr
        elif isinstance(inner, ast.keyword) and inner.arg and not _is_off(inner.value):
            yield f"{inner.arg}="
        elif isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            yield inner.value


def _executable(node: ast.AST, called: Collection[str]) -> Iterator[ast.AST]:
    """Yield the nodes below a statement, but not those that nobody executes or that are not used.

    These are annotations, methods that nobody calls, classes that something is only compared with, and what stands
    behind an option that is off, as in `def ResNet18(pretrained=False): if pretrained: ...`.
    """
    waiting: list[tuple[ast.AST, frozenset[str]]] = [(node, frozenset())]
    while waiting:
        part, off = waiting.pop()
        yield part
        if isinstance(part, ast.Call) and _dotted(part.func) in ("isinstance", "issubclass"):
            waiting.extend((one, off) for one in part.args[:1])
            continue
        if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef)):
            off = frozenset(name for name in _options(part.args) if f"{name}=" not in called)
        for field, value in ast.iter_fields(part):
            inside = value if isinstance(value, list) else [value]
            skipped = field in ("annotation", "returns") or (
                field == "body" and isinstance(part, ast.If) and isinstance(part.test, ast.Name) and part.test.id in off
            )
            if not skipped:
                inside = [one for one in inside if not (isinstance(part, ast.ClassDef) and _is_idle(one, called))]
                waiting.extend((one, off) for one in inside if isinstance(one, ast.AST))


def _options(arguments: ast.arguments) -> Iterator[str]:
    """Yield the parameters whose default is False, None, or another constant that counts as off."""
    positional = [*arguments.posonlyargs, *arguments.args]
    defaults = [*zip(positional[::-1], arguments.defaults[::-1], strict=False)]
    defaults += zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
    return (parameter.arg for parameter, default in defaults if default is not None and _is_off(default))


def _is_off(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and not value.value


def _is_idle(method: ast.AST, called: Collection[str]) -> bool:
    if not isinstance(method, (ast.FunctionDef, ast.AsyncFunctionDef)):
        return False
    if not all(_last_name(decorator) in DECORATORS for decorator in method.decorator_list):
        return False
    return not (method.name in called or method.name in OF_A_MODULE or method.name.startswith("__"))


def _last_name(decorator: ast.expr) -> str:
    """`no_grad` of `@torch.no_grad()`."""
    return _dotted(decorator.func if isinstance(decorator, ast.Call) else decorator).split(".")[-1]


def _ready_made(nodes: Iterable[ast.AST], aliases: Mapping[str, str]) -> Iterator[tuple[int, str]]:
    """Yield line and full name of each use of ready-made code among the nodes of a statement."""
    inside = set()  # `torch.hub` in `torch.hub.load`
    for inner in nodes:
        if isinstance(inner, ast.Attribute):
            inside.add(inner.value)
        if isinstance(inner, (ast.Name, ast.Attribute)) and isinstance(inner.ctx, ast.Load) and inner not in inside:
            root, _, rest = _dotted(inner).partition(".")
            real = ".".join(filter(None, (aliases.get(root, ""), rest)))
            if root in aliases and root not in REQUIRED and is_ready_made(real):
                yield inner.lineno, real
        elif isinstance(inner, ast.Call) and _dotted(inner.func).split(".")[-1] in ("import_module", "__import__"):
            names = [a.value for a in inner.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            yield from ((inner.lineno, name) for name in names if is_ready_made(name) or name == "torchvision")


def _dotted(node: ast.AST) -> str:
    """Return `a.b.c` for an attribute chain that starts with a name, "" for anything else."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""
