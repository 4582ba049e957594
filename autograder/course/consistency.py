"""Whether the files that a TA edits agree: course.toml, points, tests, master, notebook."""

import ast
import json
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from autograder.contract import POINTS, QUESTIONS, Problem
from autograder.course.rubric import standard_rubric
from autograder.course.settings import FILE, ROOT, load_course
from autograder.course.toml_file import line_of
from autograder.submission.sanitize import sanitize

CONTRACT, MASTER = Path("autograder/contract.py"), Path("solutions/resnet.py")
NOTEBOOK = Path("assignment/resnet.ipynb")
SUITE = (Path("tests/public"), Path("tests/hidden"))


def find_problems(root: Path = ROOT, notebook: bool = True) -> list[str]:
    """One line, with file and line number, for each place where the files do not agree; empty when they do.

    Args:
        root: the repository, or another place where the grader lies; what is not there is not compared.
        notebook: whether `assignment/` must be what `build` writes.
    """
    problems = [*_points_of_tests(root), *_points_of_course(root), *_points_of_master(root)]
    if notebook and not problems:
        problems += _stale_notebook(root)
    return [sanitize(problem, one_line=True) for problem in problems]


def _points_of_tests(root: Path) -> Iterator[str]:
    sums: dict[str, dict[Path, float]] = defaultdict(lambda: defaultdict(float))
    broken = False
    for folder in SUITE:
        for path in sorted((root / folder).glob("test_*.py")):
            name = folder / path.name
            try:
                tree = ast.parse(path.read_bytes())
            except (OSError, SyntaxError, ValueError, RecursionError) as error:
                said = getattr(error, "strerror", None) or getattr(error, "msg", None) or error
                yield f"{name}:{getattr(error, 'lineno', None) or 1}: {said}"
                broken = True
                continue
            common = _markers(tree, "pytestmark")
            for test in _tests(tree):
                markers = {**common, **_decorators(test)}
                place = f"{name}:{test.lineno}: {test.name}"
                question, points = markers.get("question"), markers.get("points")
                problem = (
                    f"needs @pytest.mark.question with one of {', '.join(QUESTIONS)}"
                    if question not in QUESTIONS
                    else "needs @pytest.mark.points with a number"
                    if isinstance(points, bool) or not isinstance(points, int | float) or points < 0
                    else "needs a docstring; its first line is the title in every report"
                    if not (ast.get_docstring(test) or "").strip()
                    else ""
                )
                if problem:
                    yield f"{place} {problem}"
                    broken = True
                else:
                    sums[question][name] += points
    for question, points in POINTS.items() if sums and not broken else ():
        if (there := sum(sums[question].values())) != points:
            place = f"{CONTRACT}:{_line(root / CONTRACT, 'POINTS =')}"
            files = ", ".join(f"{mine:g} in {name}" for name, mine in sums[question].items())
            yield f"{place}: {question} has {points:g} points here, but its checks have {there:g}: {files or 'none'}"


def _tests(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    yield from (node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name.startswith("test_"))


def _decorators(test: ast.FunctionDef) -> dict[str, object]:
    return dict(filter(None, map(_marker, test.decorator_list)))


def _markers(tree: ast.Module, name: str) -> dict[str, object]:
    """Those of a whole file: `pytestmark = ...`."""
    for node in tree.body:
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == name for t in node.targets):
            values = node.value.elts if isinstance(node.value, ast.List | ast.Tuple) else [node.value]
            return dict(filter(None, map(_marker, values)))
    return {}


def _marker(node: ast.expr) -> tuple[str, object] | None:
    """Name and first argument of `pytest.mark.name(argument)`."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
        first = node.args[0] if node.args else None
        return node.func.attr, first.value if isinstance(first, ast.Constant) else None
    return None


def _points_of_course(root: Path) -> Iterator[str]:
    try:
        course = load_course(root)
        standard_rubric()
    except Problem as problem:
        yield str(problem)
        return
    for question, points in course.points.items():
        if points != POINTS[question]:
            line = line_of((root / FILE).read_text(encoding="utf-8-sig"), ("points", question))
            yield f"{FILE}:{line}: {question} has {points:g} points here and {POINTS[question]:g} in {CONTRACT}"


def _points_of_master(root: Path) -> Iterator[str]:
    if not (root / MASTER).exists():
        return
    try:
        master = (root / MASTER).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        yield f"{MASTER}:1: cannot be read: {_reason(error)}"
        return
    question = ""
    for number, line in enumerate(master.split("\n"), 1):
        if found := re.match(r"# name: (\w+)$", line):
            question = found[1]
        elif found := re.match(r"# points:(.*)", line):
            points, known = found[1].strip(), POINTS.get(question)
            if not re.fullmatch(r"\d+(\.\d*)?", points):
                yield f"{MASTER}:{number}: {points or 'nothing'} is no number of points"
            elif float(points) != known:
                yield f"{MASTER}:{number}: {question} has {points} points here and {known} in {CONTRACT}"


def _stale_notebook(root: Path) -> Iterator[str]:
    """The first cell of the master that the notebook does not have."""
    if not (root / MASTER).exists() or not (root / NOTEBOOK).exists():
        return
    try:
        cells = json.loads((root / NOTEBOOK).read_bytes())["cells"]
        written = [{line.strip() for line in "".join(cell["source"]).splitlines()} for cell in cells]
    except OSError as error:
        yield f"{NOTEBOOK}:1: cannot be read: {_reason(error)}"
        return
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        yield f"{NOTEBOOK}:1: is not a notebook; run `python -m autograder build`"
        return
    for number, lines in _student_cells((root / MASTER).read_text(encoding="utf-8-sig")):
        if not any(lines <= cell for cell in written):
            yield f"{NOTEBOOK}: is older than {MASTER}:{number}; run `python -m autograder build`"
            return


def _student_cells(master: str) -> Iterator[tuple[int, set[str]]]:
    """Line and text of each cell that students get: without solution, tests, model answers, Otter's own."""
    text = re.sub(r"^ *# BEGIN SOLUTION.*?# END SOLUTION[^\n]*", _only_newlines, master, flags=re.DOTALL | re.MULTILINE)
    in_tests = False
    for found in re.finditer(r"^# %%([^\n]*)\n(.*?)(?=^# %%|\Z)", text, re.DOTALL | re.MULTILINE):
        kind, body = found[1].strip(), found[2]
        if kind == "[raw]":
            in_tests = "BEGIN TESTS" in body or (in_tests and "END TESTS" not in body)
            continue
        if kind.startswith("[markdown]"):
            body = re.sub(r"^# ?", "", body, flags=re.MULTILINE)
        lines = {
            line.strip() for line in body.splitlines() if line.strip() and not re.search("BEGIN|END (PROMPT|SOL)", line)
        }
        if lines and not in_tests and '"instructor"' not in kind:
            yield text.count("\n", 0, found.start()) + 1, lines


def _only_newlines(found: re.Match) -> str:
    return "\n" * found[0].count("\n")


def _reason(error: OSError | UnicodeDecodeError) -> str:
    return error.strerror if isinstance(error, OSError) else "it is not UTF-8"


def _line(path: Path, start: str) -> int:
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith(start):
            return number
    return 1
