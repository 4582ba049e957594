"""Find ready-made networks in the syntax tree of the slice, before anything is executed.

Only uses count: `torchvision.transforms` is allowed, and so is an import that no required name uses.
"""

import ast
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping

from autograder.contract import REQUIRED
from autograder.submission.slice import Slice

READY_MADE = ("torchvision.models", "timm", "torch.hub", "transformers", "pytorchcv", "pretrainedmodels")
"""Modules that provide networks or their blocks."""
WORDS = ("torchvision", "timm", "hub", "transformers", "pytorchcv", "pretrainedmodels")
"""Code that contains none of these words uses none of those modules."""
HELPERS = ("conv1x1", "conv3x3", "load_state_dict_from_url", "download_url_to_file", "trunc_normal_")
"""Functions of those modules that make a convolution, or fetch or draw weights: none is a network."""
WEIGHTS = "_Weights"
"""The end of the names of torchvision's lists of weights, such as `ResNet18_Weights`."""
OF_A_MODULE = (
    *("forward", "train", "eval", "apply", "to", "requires_grad_", "zero_grad", "state_dict", "load_state_dict"),
    *("parameters", "named_parameters", "buffers", "named_buffers", "children", "named_children", "modules"),
    *("named_modules", "add_module", "register_module"),
)
"""Methods that others call although the code does not name them."""

Node = tuple[str, ast.stmt]
"""A top-level statement and the label of its cell."""


def find_delegation(slice_: Slice) -> dict[str, str]:
    """Map each required name that is built on a ready-made network to the place where, for the student."""
    if not any(word in cell.source for cell in slice_.cells for word in WORDS):
        return {}
    nodes = slice_.nodes
    called = {name for _, node in nodes for name in _mentioned(node)}
    aliases = {alias: real for _, node in nodes for alias, real in _imports(node)}
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
            for line, dotted in _ready_made(node, aliases, called):
                yield f"{label}, line {line}: `{dotted}`"
            for inner in _executable(node, called):
                if isinstance(inner, ast.Name) and inner.id not in seen and inner.id not in REQUIRED:
                    seen.add(inner.id)
                    waiting.append(inner.id)
        if wanted in REQUIRED and _is_ready_made(aliases.get(wanted, "")):  # `from torchvision.models import ResNet`
            label, node = touching[wanted][0]
            yield f"{label}, line {node.lineno}: `{aliases[wanted]}`"


def _touched(node: ast.stmt) -> set[str]:
    """Return the names that a top-level statement binds or changes."""
    if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
        return {node.name}
    if isinstance(node, (ast.Import, ast.ImportFrom)):
        return {alias for alias, _ in _imports(node)}
    names = set()
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            names.add(inner.id)
        elif isinstance(inner, (ast.Attribute, ast.Subscript)) and isinstance(inner.ctx, ast.Store):
            names.add(_dotted(inner.value).split(".")[0])
    return names


def _imports(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Yield `(alias, full dotted name)` of every import in it, also inside functions."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Import):
            for item in inner.names:
                yield (item.asname, item.name) if item.asname else (item.name.split(".")[0],) * 2
        elif isinstance(inner, ast.ImportFrom) and not inner.level:
            for item in inner.names:
                yield item.asname or item.name, f"{inner.module}.{item.name}"


def _mentioned(node: ast.stmt) -> Iterator[str]:
    """Yield the names after a dot, and the texts that may be such names."""
    for inner in ast.walk(node):
        if isinstance(inner, ast.Attribute):
            yield inner.attr
        elif isinstance(inner, ast.Constant) and isinstance(inner.value, str):
            yield inner.value


def _executable(node: ast.AST, called: Collection[str]) -> Iterator[ast.AST]:
    """Yield the nodes below a statement, but those of annotations, of methods that nobody calls, and classes that
    something is only compared with."""
    waiting = [node]
    while waiting:
        part = waiting.pop()
        yield part
        if isinstance(part, ast.Call) and _dotted(part.func) in ("isinstance", "issubclass"):
            waiting.extend(part.args[:1])
            continue
        for field, value in ast.iter_fields(part):
            inside = value if isinstance(value, list) else [value]
            if field not in ("annotation", "returns"):
                inside = [one for one in inside if not (isinstance(part, ast.ClassDef) and _is_idle(one, called))]
                waiting.extend(one for one in inside if isinstance(one, ast.AST))


def _is_idle(method: ast.AST, called: Collection[str]) -> bool:
    if not isinstance(method, (ast.FunctionDef, ast.AsyncFunctionDef)) or method.decorator_list:
        return False
    return not (method.name in called or method.name in OF_A_MODULE or method.name.startswith("_"))


def _ready_made(node: ast.stmt, aliases: Mapping[str, str], called: Collection[str]) -> Iterator[tuple[int, str]]:
    """Yield line and full name of each use of ready-made code in a statement."""
    inside = set()  # `torch.hub` in `torch.hub.load`
    for inner in _executable(node, called):
        if isinstance(inner, ast.Attribute):
            inside.add(inner.value)
        if isinstance(inner, (ast.Name, ast.Attribute)) and isinstance(inner.ctx, ast.Load) and inner not in inside:
            root, _, rest = _dotted(inner).partition(".")
            real = ".".join(filter(None, (aliases.get(root, ""), rest)))
            if root in aliases and root not in REQUIRED and _is_ready_made(real):
                yield inner.lineno, real
        elif isinstance(inner, ast.Call) and _dotted(inner.func).split(".")[-1] in ("import_module", "__import__"):
            names = [a.value for a in inner.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
            yield from ((inner.lineno, name) for name in names if _is_ready_made(name) or name == "torchvision")


def _is_ready_made(dotted: str) -> bool:
    below = any(dotted == module or dotted.startswith(f"{module}.") for module in READY_MADE)
    parts = dotted.split(".")
    return below and parts[-1] not in HELPERS and not any(part.endswith(WEIGHTS) for part in parts)


def _dotted(node: ast.AST) -> str:
    """Return `a.b.c` for an attribute chain that starts with a name, "" for anything else."""
    parts = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join([node.id, *reversed(parts)]) if isinstance(node, ast.Name) else ""
