"""Select the statements of a submission that define the required names, and what those need. Only these are executed.

A statement is kept if it binds a needed name or changes its object; then the names that it uses are needed as well.
Statements that only call, train, print or plot are left out, so a forgotten training cell is not executed.
"""

import ast
import difflib
import functools
import re
import sys
import warnings
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autograder.contract import REQUIRED
from autograder.submission.earlier import earlier_ends, touching_earlier, without_trials
from autograder.submission.f_strings import rewrite_f_strings
from autograder.submission.magics import neutralise, other_language, written_module
from autograder.submission.names import Footprint, bound_by, find_functions, footprint, reachable
from autograder.submission.newer_python import needs_newer_python
from autograder.submission.read import Cell, Submission, UnreadableSubmission, shown

NOT_COMPILED = "`torch.compile` does nothing while your code is graded; it changes no result."
MOST_STATEMENTS = 10_000
"""Limit on the top-level statements of a submission. The assignment needs about a hundred."""


@dataclass(frozen=True)
class SlicedCell:
    """A cell with at least one kept statement.

    Args:
        label: as in `Cell`.
        source: the cell with its magics neutralised; line numbers are the student's.
        keep: the statements to execute, as indices into `ast.parse(source).body`.
        module: the module that the cell writes with `%%writefile`, or "" for a cell of the notebook itself.
    """

    label: str
    source: str
    keep: tuple[int, ...]
    module: str = ""


@dataclass(frozen=True)
class Slice:
    """The part of a submission that is executed.

    Args:
        cells: in the order of the submission.
        missing: required names that no statement defines.
        problems: one line each, for the student: syntax errors, and why a name may be missing.
    """

    cells: tuple[SlicedCell, ...]
    missing: tuple[str, ...]
    problems: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Convert to JSON values, for the worker."""
        cells = [{"label": c.label, "source": c.source, "keep": list(c.keep), "module": c.module} for c in self.cells]
        return {"cells": cells, "missing": list(self.missing), "problems": list(self.problems)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Slice":
        """The reverse of `to_json`.

        Raises:
            KeyError, TypeError: it is not what `to_json` returns.
        """
        cells = tuple(
            SlicedCell(*_all(str, c["label"], c["source"]), _all(int, *c["keep"]), *_all(str, c["module"]))
            for c in data["cells"]
        )
        return cls(cells, _all(str, *data["missing"]), _all(str, *data["problems"]))

    @property
    def nodes(self) -> list[tuple[str, ast.stmt]]:
        """The kept statements in order, each with the label of its cell."""
        bodies = [(cell, statements_in(cell.source)) for cell in self.cells]
        return [(cell.label, body[index]) for cell, body in bodies for index in cell.keep]


@functools.lru_cache(maxsize=64)
def statements_in(source: str) -> list[ast.stmt]:
    """The statements of a cell, which nobody may change: a reader looks at them many times.

    Raises:
        Exception: as of `ast.parse`.
    """
    return ast.parse(source).body


def _all(kind: type, *values: Any) -> tuple[Any, ...]:
    if any(type(value) is not kind for value in values):
        raise TypeError(f"expected {kind.__name__}")
    return values


@dataclass(frozen=True)
class _Parsed:
    """A parsed cell. `body` is empty if there is a syntax error, which `problem` describes.

    `module` is the module that the cell writes, or "".
    """

    cell: Cell
    source: str
    body: Sequence[ast.stmt]
    problem: str
    module: str


@dataclass(frozen=True)
class _Statement:
    cell: int
    index: int
    node: ast.stmt
    effect: Footprint


def slice_submission(submission: Submission, required: Collection[str] = REQUIRED) -> Slice:
    """Keep the top-level statements that define the required names and, transitively, the names those use."""
    [slice_] = slices(submission, [required])
    return slice_


def slices(submission: Submission, wanted: Iterable[Collection[str]]) -> list[Slice]:
    """Slice one submission for several collections of required names, as `slice_submission` does for one."""
    notebook = _Notebook(submission)
    return [notebook.slice(required) for required in wanted]


def all_slices(submission: Submission) -> list[Slice]:
    """What `slice_submission` returns, and then those of `earlier` that are different."""
    notebook = _Notebook(submission)
    found = [notebook.slice(REQUIRED)]
    for end in notebook.earlier_ends(REQUIRED):
        another = notebook.slice(REQUIRED, end)
        if another.missing == found[0].missing and all(another.cells != one.cells for one in found):
            found.append(another)
    return found


class _Notebook:
    """A parsed submission, of which slices are cut."""

    def __init__(self, submission: Submission):
        written = {cell.module or written_module(cell.source)[0] for cell in submission.cells} - {""}
        self._text = submission.text
        self._parsed = _with_unknown_magics([_parse(cell, written) for cell in submission.cells], written)
        if sum(len(cell.body) for cell in self._parsed) > MOST_STATEMENTS:
            name, most = shown(submission.name), f"{MOST_STATEMENTS:,}"
            raise UnreadableSubmission(f"{name}: it holds more than {most} statements: leave out generated code.")
        self._modules = _statements(self._parsed)

    def earlier_ends(self, required: Collection[str]) -> list[int]:
        """As the function of `earlier`."""
        return earlier_ends(without_trials(self._modules.get("", []), required), required)

    def slice(self, required: Collection[str], end: int | None = None) -> Slice:
        """Keep what the required names need, or with `end` what they needed after so many statements.

        With `end`, a statement that only gives a required name to an object of its class does not count.
        """
        parsed, modules, own = self._parsed, self._modules, self._modules.get("", [])
        own = own if end is None else without_trials(own, required)[:end]
        given = {name: _given_by(name, modules) for name in modules if name}
        touching = _touching(own, required) if end is None else touching_earlier(own, required)
        kept = _needed(own, required, touching, both_ways=end is not None)
        defined = _bound(kept).union(*(given[name] for name in _star_imported(kept, "", modules)))
        used_modules = _imported(kept, modules)
        taken = _only_in_a_module([name for name in required if name not in defined], used_modules, modules)
        missing = tuple(name for name in required if name not in defined and name not in taken)
        for name in used_modules:
            kept += _needed(modules[name], given[name], _touching(modules[name], given[name]))
        by_cell = defaultdict(list)
        for statement in kept:
            by_cell[statement.cell].append(statement)
        cells = []
        for number in _in_order_of_imports(by_cell, [cell.module for cell in parsed], modules):
            keep = tuple(sorted(statement.index for statement in by_cell[number]))
            cells.append(SlicedCell(parsed[number].cell.label, parsed[number].source, keep, parsed[number].module))
        used = {cell.module for cell in cells} | {""}
        problems = [cell.problem for cell in parsed if cell.problem and cell.module in used]
        for name, module in taken.items():
            cells.append(SlicedCell(f"import of {module}", f"from {module} import {name}\n", (0,)))
            where = next(one.cell.label for one in parsed if one.module == module)
            problems.append(f"`{name}` is defined in {where} and not imported from there: the grader imports it.")
        if any("compile" in cell.source for cell in cells) and any(map(_compiles, kept)):
            problems.append(NOT_COMPILED)
        return Slice(tuple(cells), missing, (*problems, *_why_missing(parsed, missing, self._text)))


def _compiles(statement: _Statement) -> bool:
    """Whether `torch.compile` is mentioned."""
    attributes = (node for node in ast.walk(statement.node) if isinstance(node, ast.Attribute))
    return any(ast.unparse(node) == "torch.compile" for node in attributes)


def _bound(statements: Iterable[_Statement]) -> set[str]:
    return {name for statement in statements for name in statement.effect.binds}


def _star_imported(statements: Iterable[_Statement], module: str, modules: Collection[str]) -> set[str]:
    """The written modules of which a module imports every name: `from net import *`."""
    nodes = (node for statement in statements if statement.effect.always for node in ast.walk(statement.node))
    stars = (node for node in nodes if isinstance(node, ast.ImportFrom) and node.names[0].name == "*")
    return {origin for node in stars if (origin := _origin_of(node, module, modules)) and origin in modules}


def _given_by(module: str, modules: Mapping[str, Sequence[_Statement]]) -> set[str]:
    """The names that `from module import *` gives: its own, and those that it imports in this way itself."""
    names: set[str] = set()
    waiting, seen = [module], {module}
    while waiting:
        one = waiting.pop()
        names |= _bound(modules[one])
        new = _star_imported(modules[one], one, modules) - seen
        seen |= new
        waiting += new
    return names


def _imported(kept: Sequence[_Statement], modules: Mapping[str, Sequence[_Statement]]) -> list[str]:
    """Return the written modules that the statements import, directly or through each other."""
    found: list[str] = []
    waiting = [("", kept)]
    while waiting:
        module, statements = waiting.pop()
        for name in (name for statement in statements for name in _imports_of(statement.node, module, modules)):
            if name not in found:
                found.append(name)
                waiting.append((name, modules[name]))
    return found


def _only_in_a_module(
    names: Iterable[str], imported: Collection[str], modules: Mapping[str, Sequence[_Statement]]
) -> dict[str, str]:
    """Map each name that exactly one of the imported modules defines to that: the code may say `blocks.BasicBlock`."""
    own = {module: {name for s in modules[module] for name in s.effect.binds - s.effect.imports} for module in imported}
    found = {name: [module for module in imported if name in own[module]] for name in names}
    return {name: places[0] for name, places in found.items() if len(places) == 1}


def _imports_of(statement: ast.stmt, module: str, modules: Collection[str]) -> Iterator[str]:
    """Yield those of the `modules` that a statement of a module imports, packages before what is in them."""
    for node in ast.walk(statement) if any(modules) else ():  # "" is the notebook itself
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else _imported_by_text(node)
        if isinstance(node, ast.ImportFrom):
            origin = _origin_of(node, module, modules)
            # `from . import blocks` beside the notebook: the package has no name there, and `blocks` is the module.
            names = [".".join(filter(None, (origin, name))) for name in ("", *(alias.name for alias in node.names))]
        for name in filter(None, names):
            parts = name.split(".")
            yield from (part for part in (".".join(parts[:n]) for n in range(1, len(parts) + 1)) if part in modules)


def _imported_by_text(node: ast.AST) -> list[str]:
    """`blocks` for `importlib.import_module("blocks")`."""
    called = getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""
    given = node.args[:1] if called in ("import_module", "__import__") else []
    return [one.value for one in given if isinstance(one, ast.Constant) and isinstance(one.value, str)]


def _origin_of(node: ast.ImportFrom, module: str, modules: Collection[str]) -> str:
    """The absolute name of what a module imports from; "" for the folder of the notebook."""
    if not node.level:
        return node.module or ""
    is_package = any(other.startswith(f"{module}.") for other in modules)
    package = module.split(".")[: None if is_package and module else -1]
    above = package[: max(0, len(package) - node.level + 1)]
    return ".".join([*above, *filter(None, [node.module])])


def _in_order_of_imports(
    by_cell: Mapping[int, Sequence[_Statement]], module_of: Sequence[str], modules: Collection[str]
) -> list[int]:
    """The cells in their order, but a written module where it is first imported."""
    ordered: dict[int, None] = {}
    begun: set[int] = set()

    def put(number: int) -> None:
        if number not in begun:
            begun.add(number)
            for statement in by_cell[number]:
                for name in _imports_of(statement.node, module_of[number], modules):
                    for cell in sorted(by_cell):
                        if module_of[cell] == name:
                            put(cell)
            ordered[number] = None

    for number in sorted(by_cell):
        if not module_of[number]:
            put(number)
    return [*ordered, *(number for number in sorted(by_cell) if number not in ordered)]


def _with_unknown_magics(parsed: Sequence[_Parsed], written: Collection[str]) -> list[_Parsed]:
    """Take a cell for Python although its magic is not known, if only that defines a required name."""
    missing = set(REQUIRED) - _defined(parsed)
    if not missing:
        return [*parsed]
    others = [_parse(one.cell, written, unknown=True) if other_language(one.cell.source) else one for one in parsed]
    return [other if missing & _defined([other]) else one for one, other in zip(parsed, others, strict=True)]


def _defined(parsed: Iterable[_Parsed]) -> set[str]:
    return {name for one in parsed if not one.module for statement in one.body for name in bound_by(statement)}


def _parse(cell: Cell, written: Collection[str], unknown: bool = False) -> _Parsed:
    module, source = (cell.module, cell.source) if cell.module else written_module(cell.source)
    source = source if module else neutralise(cell.source, written, unknown)
    parsed = _parse_as(cell, source, module)
    if parsed.problem and sys.version_info < (3, 12) and (other := rewrite_f_strings(source)) != source:
        return _parse_as(cell, other, module)
    return parsed


def _parse_as(cell: Cell, source: str, module: str) -> _Parsed:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # such as an invalid escape sequence in a docstring
            body = statements_in(source)
            # Only the compiler rejects `return` at top level. Jupyter allows `await` there.
            compile(source, f"<{cell.label}>", "exec", ast.PyCF_ALLOW_TOP_LEVEL_AWAIT, dont_inherit=True)
        return _Parsed(cell, source, body, "", module)
    except SyntaxError as error:
        return _Parsed(cell, source, (), _syntax_problem(cell, error), module)
    except (ValueError, RecursionError, MemoryError, OverflowError):
        problem = f"{cell.label}: Python cannot read this code, is it nested too deeply?{_begins(cell)}"
        return _Parsed(cell, source, (), problem, module)


def _syntax_problem(cell: Cell, error: SyntaxError) -> str:
    lines = cell.source.split("\n")
    number = min(max(error.lineno or 1, 1), len(lines))
    line = shown(lines[number - 1].strip())
    what = needs_newer_python(lines[number - 1]) or "Nothing in it can be used until this is repaired."
    return f"{cell.label}, line {number}: {shown(error.msg)}: `{line}`{_begins(cell)}. {what}"


def _begins(cell: Cell) -> str:
    """How the cell begins, because not every editor shows numbers of cells."""
    if not cell.label.startswith("cell "):
        return ""
    first = next((line.strip() for line in cell.source.split("\n") if line.strip()), "")
    return f" (the cell begins with `{shown(first)}`)"


def _statements(parsed: Sequence[_Parsed]) -> dict[str, list[_Statement]]:
    """Map each module that the notebook writes, and "" for the notebook itself, to its statements."""
    cells: dict[str, list[tuple[int, _Parsed]]] = defaultdict(list)
    for number, cell in enumerate(parsed):
        cells[cell.module].append((number, cell))
    return {module: _statements_of(mine) for module, mine in cells.items()}


def _statements_of(cells: Sequence[tuple[int, _Parsed]]) -> list[_Statement]:
    functions = find_functions([node for _, cell in cells for node in cell.body])
    found = []
    for number, cell in cells:
        lines = cell.source.encode().split(b"\n")
        for index, node in enumerate(cell.body):
            if not _is_main_guard(node):
                try:
                    effect = footprint(node, b"\n".join(lines_of(lines, node)).decode(), functions)
                except (SyntaxError, RecursionError):  # top-level `await`; nested too deeply
                    continue
                found.append(_Statement(number, index, node, effect))
    return found


def start_of(node: ast.stmt) -> tuple[int, int]:
    """Return the index of a statement's first line and its column in bytes; decorators belong to the statement."""
    if decorators := getattr(node, "decorator_list", ()):
        return min(decorator.lineno for decorator in decorators) - 1, 0
    return node.lineno - 1, node.col_offset


def lines_of(lines: Sequence[bytes], node: ast.stmt) -> list[bytes]:
    """Return the lines of a statement's source. Columns count bytes."""
    first, column = start_of(node)
    part = list(lines[first : node.end_lineno])
    part[-1] = part[-1][: node.end_col_offset]
    part[0] = part[0][column:]
    return part


def _is_main_guard(node: ast.stmt) -> bool:
    """Whether this is `if __name__ == "__main__":`, which defines nothing for an import."""
    if not (isinstance(node, ast.If) and isinstance(node.test, ast.Compare)):
        return False
    sides = (node.test.left, *node.test.comparators)
    names = {side.id for side in sides if isinstance(side, ast.Name)}
    texts = {side.value for side in sides if isinstance(side, ast.Constant)}
    return isinstance(node.test.ops[0], ast.Eq) and names == {"__name__"} and texts == {"__main__"}


def _needed(
    statements: Sequence[_Statement],
    required: Collection[str],
    touching: Mapping[str, Sequence[_Statement]],
    both_ways: bool = False,
) -> list[_Statement]:
    """The statements to keep, by `touching`: for each name those that matter if it is needed.

    Args:
        both_ways: of a kept statement, what it binds is needed too.
    """
    kept: dict[tuple[int, int], _Statement] = {}
    waiting = [*required]
    seen = set(waiting)

    def keep(statement: _Statement) -> None:
        if (place := (statement.cell, statement.index)) not in kept:
            kept[place] = statement
            new = (statement.effect.uses | (statement.effect.binds if both_ways else frozenset())) - seen
            seen.update(new)
            waiting.extend(new)

    for statement in (*(s for s in statements if s.effect.always), *touching.get("", ())):
        keep(statement)
    while waiting:
        for statement in touching.get(waiting.pop(), ()):
            keep(statement)
    return list(kept.values())


def _touching(statements: Sequence[_Statement], required: Collection[str]) -> dict[str, list[_Statement]]:
    """Map each name to the statements to keep if it is needed."""
    bound = {name for s in statements for name in s.effect.binds - s.effect.imports}
    imported = {name for s in statements for name in s.effect.imports}
    aliases = defaultdict(set)
    for statement in statements:
        for name, behind in statement.effect.aliases.items():
            aliases[name] |= behind
    touching = defaultdict(list)
    for statement in statements:
        effect = statement.effect
        names = effect.binds
        patched = reachable(effect.patches, aliases)
        names |= {name for name in patched if name in bound or name in required}
        if libraries := effect.patches & imported:
            names |= effect.adds  # `torch.Tensor.gap = gap`
            operators = any(name.startswith(".__") for name in effect.adds)
            if operators or isinstance(statement.node, (ast.Assign, ast.AugAssign)):  # `nn.Conv2d = partial(...)`
                names |= libraries
        names |= {name for name in reachable(effect.mutates, aliases) if name in bound and name not in required}
        if effect.trains and not isinstance(statement.node, (ast.ClassDef, ast.FunctionDef)):
            names = effect.binds & set(required)
        for name in names:
            touching[name].append(statement)
    return touching


def _why_missing(parsed: Sequence[_Parsed], missing: Collection[str], text: Sequence[Cell]) -> Iterator[str]:
    for name in missing:
        for cell in parsed:
            if reason := _where_else(name, cell):
                yield f"`{name}`: {reason}"
        for cell in text:
            if _definition_of(name).search(cell.source):
                yield f"`{name}`: its definition is in {cell.label}, which is not run: make it a code cell."


def _definition_of(name: str, before: str = "") -> re.Pattern[str]:
    """A pattern for the line that defines the name, at any indentation."""
    return re.compile(rf"^[ \t]*{before}(class|def)[ \t]+{name}\b", re.MULTILINE)


COLAB_EXPORT = "# Commented out IPython magic to ensure Python compatibility."
ALIASES = {
    "BasicBlock": ("block", "residualblock", "resblock", "resnetblock", "basicresidualblock"),
    "Bottleneck": ("bottleneckresidualblock",),
    "ResNet": ("residualnetwork", "residualnet"),
    "ResNet18": (),
}
"""Other usual names of the required classes, in lower case without underscores."""


def _is_near(name: str, other: str) -> bool:
    """Whether a definition called `other` may be meant for the required `name`."""
    plain, wanted = other.lower().replace("_", ""), name.lower()
    if other in REQUIRED or not plain:
        return False
    return wanted in plain or plain in ALIASES[name] or difflib.SequenceMatcher(None, wanted, plain).ratio() > 0.85


def _where_else(name: str, parsed: _Parsed) -> str:
    """Return why a cell that seems to define the name does not, or ""."""
    cell = parsed.cell
    if cell.module and any(name in bound_by(statement) for statement in parsed.body):
        return f"{cell.label} defines it, but it is not imported from there: add an import of it."
    if _definition_of(name).search(cell.source):
        if parsed.problem:
            return f"its definition is in {cell.label}, which has a syntax error."
        if magic := other_language(cell.source):
            return f"its definition is in {cell.label}, which `{shown(magic)}` keeps from being Python code."
        nested = (inner for node in parsed.body for inner in ast.walk(node))
        if any(isinstance(inner, (ast.ClassDef, ast.FunctionDef)) and inner.name == name for inner in nested):
            return f"its definition in {cell.label} is indented under something else: put it at the left margin."
        return f"its definition in {cell.label} is part of a text: write it as code."
    defined = re.compile(rf"\b(class|def) {name}\b")
    if any("run_cell_magic(" in line and defined.search(line) for line in cell.source.split("\n")):
        return f"in {cell.label} a magic such as %%time hides its definition from Python: hand in the notebook itself."
    if commented := _definition_of(name, "#[ \\t]*").search(cell.source):
        line = cell.source.count("\n", 0, commented.start()) + 1
        where = f"its definition in {cell.label}, line {line}, is commented out"
        exported = "Colab does that to cells with a magic such as %%time: hand in the notebook itself."
        return f"{where}. {exported}" if COLAB_EXPORT in cell.source else f"{where}."
    for node in parsed.body:
        near = getattr(node, "name", "")
        if _is_near(name, near):
            return f"{cell.label} defines `{shown(near)}`; the name must be exactly `{name}`."
    return ""
