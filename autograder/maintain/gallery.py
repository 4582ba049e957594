"""The gallery: example submissions, right and wrong, that the suite is tested against.

Most wrong entries are a change of right code: a paragraph in `wrong/q1.diff` to `q3.diff`, see `gallery_diff`. What
cannot be said as a change is a small Python file under `right/` or `wrong/`. The first line of its docstring is its
title; comments right after the docstring are its labels; then come the names that it changes:

    \"\"\"ResNet18() is made of bottlenecks.\"\"\"

    # question: q3
    # misconception: the name in the catalogue of mistakes; left out where none is expected
    # evidence: ResNet18() never builds a BasicBlock

    def ResNet18(): ...
"""

import ast
import copy
import difflib
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from autograder.contract import QUESTIONS, REQUIRED, Problem
from autograder.maintain.gallery_diff import BadDiff, read_diffs
from autograder.submission.slice import start_of

HEADERS = ("question", "misconception", "evidence")
_HEADER = re.compile(r"# (?P<key>\w+): (?P<value>\S.*)")


@dataclass(frozen=True)
class Entry:
    """One example submission.

    Args:
        name: the first word of its paragraph in a `.diff` file, or its file's name without `.py`.
        path: the file that it was read from.
        right: whether the suite must accept it.
        question: the question that a wrong entry gets wrong; "" for a right one.
        misconception: the name of the mistake in the catalogue; "" where no diagnosis is expected.
        evidence: how the mistake shows, in words; may be "".
        source: its code with docstring and labels, as in a file of its own.
    """

    name: str
    path: Path
    right: bool
    question: str
    misconception: str
    evidence: str
    source: str

    @property
    def title(self) -> str:
        """The first line of the docstring."""
        return (ast.get_docstring(ast.parse(self.source)) or "").splitlines()[0]


class BadEntry(Problem):
    """An entry that cannot be used; `str()` is one line that names it and its file."""


@dataclass(frozen=True)
class _Part:
    """Consecutive code of an entry: the definition of a name and what follows it, or what comes before any.

    Args:
        name: the wanted name that its first statement defines; "" for what comes before any.
        others: further wanted names that this statement defines (`A, B = make(1), make(4)`).
        source: the code.
    """

    name: str
    others: frozenset[str]
    source: str


def load_gallery(folder: Path) -> list[Entry]:
    """Read every entry below `folder`: the right ones, then the wrong ones, by name.

    Raises:
        BadEntry: there are no entries, or one of them is broken.
    """
    entries = []
    for kind in ("right", "wrong"):
        files = [entry for path in sorted(folder.glob(f"{kind}/*.*")) for entry in _load(path, kind == "right")]
        entries += sorted(files, key=lambda entry: entry.name)
    if not entries:
        raise BadEntry(f"{folder}: no gallery here, expected right/ and wrong/ with .py and .diff files")
    names = [entry.name for entry in entries]
    if twice := {name for name in names if names.count(name) > 1}:
        raise BadEntry(f"{folder}: two entries are called {min(twice)}")
    return entries


def choose(entries: list[Entry], names: Collection[str]) -> list[Entry]:
    """The entries with these names; all where no name is given.

    Raises:
        BadEntry: there is none with one of the names.
    """
    known = [entry.name for entry in entries]
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=3)
            raise BadEntry(f"there is no entry {name}" + (f"; did you mean {' or '.join(near)}?" if near else ""))
    return [entry for entry in entries if entry.name in names] if names else entries


def complete(entry: Entry, solution_source: str) -> str:
    """The entry as a whole `.py` submission: the solution, then the entry, whose definitions win.

    An entry that defines every required name is one already.
    """
    if set(REQUIRED) <= {name for part in _parts(entry, REQUIRED) for name in (part.name, *part.others)}:
        return entry.source
    return f"{solution_source.rstrip()}\n\n\n{entry.source}"


def as_notebook(entry: Entry, solved: NotebookNode) -> NotebookNode:
    """The solved notebook with the entry's definitions in the place of its own.

    Code before the entry's first such definition goes into a cell of its own; what follows a definition stays
    with it.
    """
    notebook = copy.deepcopy(solved)
    known = {name for cell in notebook.cells for name in _definitions(cell)}
    parts = _parts(entry, known)
    replaced = [index for index, cell in enumerate(notebook.cells) if _replace(cell, parts)]
    before = "\n\n\n".join(part.source for part in parts if not part.name)
    if before:
        cell = nbformat.v4.new_code_cell(before, id="entry")
        notebook.cells.insert(min(replaced, default=0), cell)
    return notebook


def _load(path: Path, right: bool) -> Iterator[Entry]:
    """The entries of a file: a `.py` file is one, a `.diff` file holds many."""
    where = f"{path.parent.name}/{path.name}"
    try:
        if path.suffix == ".py":
            yield _entry(where, path.stem, path, right, path.read_text(encoding="utf-8"))
        elif path.suffix == ".diff":
            for name, source in read_diffs(path):
                yield _entry(f"{where}: {name}", name, path, right, source)
    except (OSError, UnicodeDecodeError) as error:
        raise BadEntry(f"{where}: cannot be read ({error})") from None
    except BadDiff as error:
        raise BadEntry(f"{where}: {error}") from None


def _entry(where: str, name: str, path: Path, right: bool, source: str) -> Entry:
    try:
        tree = ast.parse(source)
    except SyntaxError as error:
        raise BadEntry(f"{where}: line {error.lineno}: {error.msg}") from None
    if not (ast.get_docstring(tree) or "").strip():
        raise BadEntry(f"{where}: the docstring is missing; its first line says what the entry is")
    if len(tree.body) == 1:
        raise BadEntry(f"{where}: it changes nothing")
    headers = _headers(where, source.split("\n")[tree.body[0].end_lineno :])
    entry = Entry(name, path, right, *(headers.get(key, "") for key in HEADERS), source)
    _check_labels(where, entry)
    return entry


def _headers(where: str, lines: list[str]) -> dict[str, str]:
    """The comments right after the docstring."""
    headers: dict[str, str] = {}
    for line in lines:
        if match := _HEADER.fullmatch(line.rstrip()):
            key = match["key"]
            if key not in HEADERS:
                raise BadEntry(f"{where}: unknown header `{key}`; there are {', '.join(HEADERS)}")
            if key in headers:
                raise BadEntry(f"{where}: `{key}` is given twice")
            headers[key] = match["value"]
        elif line.startswith("#"):
            raise BadEntry(f"{where}: `{line.strip()}` is no header: write `# question: q1`")
        elif line.strip() or headers:
            break
    return headers


def _check_labels(where: str, entry: Entry) -> None:
    if entry.right:
        if entry.question or entry.misconception or entry.evidence:
            raise BadEntry(f"{where}: a right entry has no headers")
        return
    if entry.question not in QUESTIONS:
        asked = f"not `{entry.question}`" if entry.question else "and it is missing"
        raise BadEntry(f"{where}: a wrong entry needs `# question:`, one of {', '.join(QUESTIONS)}, {asked}")
    if entry.misconception and not re.fullmatch(r"[a-z][a-z0-9_]*", entry.misconception):
        raise BadEntry(f"{where}: the misconception `{entry.misconception}` is not in snake_case")


def _parts(entry: Entry, names: Iterable[str]) -> list[_Part]:
    """The entry's code, without docstring and headers, cut before the first definition of each of `names`."""
    wanted = set(names)
    lines = entry.source.split("\n")
    body = ast.parse(entry.source).body
    starts: list[tuple[list[str], int]] = [([""], _code_start(lines, body))]
    for node in body[1:]:
        found = [name for name in _defined(node) if name in wanted]
        if found:
            wanted -= set(found)
            starts.append((found, _with_comments(lines, start_of(node)[0])))
    ends = [start for _, start in starts[1:]] + [len(lines)]
    parts = [
        _Part(found[0], frozenset(found[1:]), "\n".join(lines[start:end]).strip("\n"))
        for (found, start), end in zip(starts, ends, strict=True)
    ]
    return [part for part in parts if part.source.strip()]


def _code_start(lines: list[str], body: list[ast.stmt]) -> int:
    """Index of the first line after docstring and headers."""
    start = body[0].end_lineno
    while start < len(lines) and not lines[start].strip():
        start += 1
    while start < len(lines) and lines[start].startswith("#"):
        start += 1
    return start


def _with_comments(lines: list[str], start: int) -> int:
    """Comments right above a definition belong to it."""
    while start > 0 and lines[start - 1].startswith("#"):
        start -= 1
    return start


def _defined(node: ast.stmt) -> list[str]:
    """The names that a top-level statement defines by `class`, `def` or assignment, in its order; also under `if`."""
    if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
        return [node.name]
    if isinstance(node, ast.Assign):
        targets = [name for target in node.targets for name in ast.walk(target)]
        return [name.id for name in targets if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)]
    if isinstance(node, (ast.If, ast.Try, ast.With)):
        inner = (child for child in ast.iter_child_nodes(node) if isinstance(child, (ast.stmt, ast.ExceptHandler)))
        return list(dict.fromkeys(name for child in inner for name in _defined(child)))
    if isinstance(node, ast.ExceptHandler):
        return [name for child in node.body for name in _defined(child)]
    return []


def _definitions(cell: NotebookNode) -> dict[str, ast.stmt]:
    """The classes and functions that a notebook cell defines; none where it is no plain Python."""
    if cell.cell_type != "code":
        return {}
    try:
        body = ast.parse(cell.source).body
    except SyntaxError:
        return {}
    return {node.name: node for node in body if isinstance(node, (ast.ClassDef, ast.FunctionDef))}


def _replace(cell: NotebookNode, parts: list[_Part]) -> bool:
    """Put the entry's definitions in the place of the cell's; returns whether there were any."""
    definitions = _definitions(cell)
    code = {part.name: part.source for part in parts if part.name}
    code |= {name: "" for part in parts for name in part.others}  # defined in another one's place
    mine = definitions.keys() & code.keys()
    lines = cell.source.split("\n")
    # From the bottom up, so that line numbers above stay valid.
    for name in sorted(mine, key=lambda name: -definitions[name].lineno):
        node = definitions[name]
        lines[start_of(node)[0] : node.end_lineno] = code[name].split("\n")
    if mine:
        cell.source = "\n".join(lines)
        cell.outputs = []
        cell.execution_count = None
    return bool(mine)
