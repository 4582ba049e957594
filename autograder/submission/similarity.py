"""How much of a submission is the code of a well-known implementation, and what it is compared with others by.

Both are hints for teaching assistants, and cost no points. Code is compared as syntax trees, written as a sequence of
node types, names and constants. Comments, docstrings, annotations and layout do not count. Names do where code is
compared with a well-known text; between submissions, those that the student chose do not.
"""

import ast
import functools
import importlib.util
import itertools
import zlib
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from autograder.contract import REQUIRED
from autograder.submission.slice import Slice

KNOWN = ("torchvision.models.resnet",)
"""Modules whose classes and functions are compared; their files are read, and nothing is imported."""
RUN = 16
"""Consecutive parts that are compared at a time, about one call with its arguments."""
SHARE = 0.6
"""Share of a class from which it is reported. An edited copy has about 0.7, other code at most 0.5."""
SMALLEST = 150
"""Runs that a class must have: a short one can be written in few ways."""
MOST_PARTS = 50_000
SKETCH = 2000
"""Runs by which a slice is compared with others: those with the smallest hashes, as in MinHash. Most have fewer."""
_IGNORED = {"annotation", "returns", "ctx", "type_comment", "type_params", "lineno"}


def closest_source(slice_: Slice) -> str:
    """The well-known implementation that most of a class is a copy of, in a sentence; "" where there is none."""
    best = (SHARE, "")
    for _, node in slice_.nodes:
        if not isinstance(node, ast.ClassDef):
            continue
        try:
            mine = _runs([node])
        except RecursionError:  # nested more deeply than code that anyone writes
            continue
        if len(mine) < SMALLEST:
            continue
        for source, runs in known_sources().items():
            share = len(mine & runs) / len(mine)
            best = max(best, (share, f"{share:.0%} of the code of `{node.name}` is also in {source}."))
    return best[1]


def sketch(slice_: Slice) -> tuple[int, ...]:
    """Hashes of the slice's runs, whatever names the student chose; at most `SKETCH`, in ascending order."""
    nodes = [node for _, node in slice_.nodes if not isinstance(node, ast.Import | ast.ImportFrom)]
    try:
        return tuple(sorted(_runs(nodes, _chosen_names(nodes)))[:SKETCH])
    except RecursionError:
        return ()


@functools.cache
def known_sources() -> dict[str, frozenset[int]]:
    """For each module of `KNOWN` that is installed, the runs of its classes and functions."""
    found = {}
    for name in KNOWN:
        package, *inner = name.split(".")
        spec = importlib.util.find_spec(package)
        for folder in (spec.submodule_search_locations or ()) if spec else ():
            path = Path(folder, *inner).with_suffix(".py")
            if path.is_file():
                body = ast.parse(path.read_text(encoding="utf-8")).body
                found[name] = frozenset(_runs(n for n in body if isinstance(n, (ast.ClassDef, ast.FunctionDef))))
    return found


def _runs(nodes: Iterable[ast.stmt], chosen: Collection[str] = ()) -> set[int]:
    runs = set()
    for node in nodes:
        parts = [zlib.crc32(part.encode()) for part in itertools.islice(_parts(node, chosen), MOST_PARTS)]
        runs |= {hash(tuple(parts[i : i + RUN])) for i in range(len(parts) - RUN + 1)}  # of integers: always the same
    return runs


def _chosen_names(nodes: Iterable[ast.stmt]) -> set[str]:
    """The names that the code binds: of variables, attributes, parameters, functions and classes."""
    found = set()
    for node in (inner for outer in nodes for inner in ast.walk(outer)):
        if isinstance(node, ast.Name | ast.Attribute) and isinstance(node.ctx, ast.Store):
            found.add(node.id if isinstance(node, ast.Name) else node.attr)
        elif isinstance(node, ast.arg):
            found.add(node.arg)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            found.add(node.name)
    return {name for name in found if name not in (*REQUIRED, "forward") and not name.startswith("__")}


def _parts(node: ast.AST, chosen: Collection[str] = ()) -> Iterator[str]:
    """Node types, names and constants, in the order of the code; `_` for names that are in `chosen`."""
    yield type(node).__name__
    for field, value in ast.iter_fields(node):
        if field in _IGNORED:
            continue
        values = value if isinstance(value, list) else [value]
        if field == "body" and values and _is_docstring(values[0]):
            values = values[1:]
        for item in values:
            if isinstance(item, ast.AST):
                yield from _parts(item, chosen)
            elif item is not None:
                yield "_" if item in chosen and not isinstance(node, ast.Constant) else repr(item)


def _is_docstring(node: ast.AST) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
