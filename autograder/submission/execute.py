"""Execute a slice, and describe exceptions by the student's own lines."""

import __future__

import ast
import linecache
import re
import sys
import types
import warnings
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from autograder.contract import REQUIRED
from autograder.submission.advice import hint_for
from autograder.submission.annotations import raised_in_annotation
from autograder.submission.attributes import attributes_instead
from autograder.submission.defining_line import find_assignment
from autograder.submission.out_of_order import Binders, Moved, Step
from autograder.submission.slice import Slice, SlicedCell

MODULE = "submission"
"""The `__name__` of a submission. It is not "__main__", so code under that condition is not executed."""
LONGEST_MESSAGE = 2000
"""Characters of an exception's own message that are kept."""
MOST_FRAMES = 6
"""The student's lines that a traceback shows; the first and the last ones of a deep recursion."""

_FILE = re.compile(r" \((/[^()]*|unknown location)\)$")
"""Where an `ImportError` says that a module is: a file of the grader."""
_LABEL = re.compile(r"<((?:.*\.ipynb, )?cell \d+|.*\.py)>", re.IGNORECASE)
_POSTPONED = __future__.annotations.compiler_flag
"""Annotations are not evaluated: with `from __future__ import annotations`, or where they raise."""
_JUPYTER = re.compile(r"ipykernel_\d+[/\\]\d+\.py$|ipython-input-")  # the second form is Colab's


def execute(slice_: Slice, namespace: dict[str, Any]) -> list[str]:
    """Execute the kept statements, in order, in one namespace.

    A statement that raises is reported, and execution continues with the next one. What it would have defined is
    missing, but classes further down can still be graded. Annotations that raise are not evaluated, and a statement
    that needs one further down is executed after that, see `out_of_order`.

    Returns:
        One text for the student for each statement that raised, or that had to wait; a NameError that only follows
        from an earlier one is left out.
    """
    namespace["__name__"] = MODULE
    namespace.setdefault("__file__", f"{MODULE}.py")
    # Names that Jupyter defines in every notebook.
    namespace.setdefault("display", _display)
    namespace.setdefault("get_ipython", _no_ipython)
    # Dataclasses with postponed annotations, among others, look up their module.
    module = sys.modules[MODULE] = _module_of(namespace)  # for `sys.modules[__name__]` in the submission
    execution = _Execution(slice_, namespace)
    execution.run()
    vars(module).update(namespace)
    return execution.errors


class _Execution:
    """The execution of a slice: its statements, and what became of those that have run."""

    def __init__(self, slice_: Slice, namespace: dict[str, Any]):
        self.errors: list[str] = []
        self._cells, self._namespaces = slice_.cells, {"": namespace}
        self._lost: set[str] = set()
        # `from __future__ import` affects the following cells, as in Jupyter.
        self._flags: dict[str, int] = defaultdict(int)
        self._steps = [step for cell in slice_.cells for step in self._steps_of(cell)]
        self._binders, self._moved = Binders(self._steps), Moved()

    def run(self) -> None:
        """Execute every statement."""
        for step in self._steps:
            if not step.begun:
                self._execute(step)
        self.errors += self._moved.notes()

    def _steps_of(self, cell: SlicedCell) -> list[Step]:
        step = Step(cell, ast.Pass())
        _show_source_in_tracebacks(step.filename, cell.source)
        try:
            return [Step(cell, statement) for statement in _kept(cell)]
        except Exception as error:  # nested so deeply that parsing depends on the depth of the call stack
            self.errors.append(_explain(error, cell))
            return []

    def _execute(self, step: Step) -> None:
        step.begun = True
        try:
            self._try(step)
        except BaseException as error:  # also SystemExit: exit() at top level must not end this process
            if not _follows_from(error, self._lost):
                self.errors.append(_explain(error, step.cell))
            self._lost |= _stored(step.statement)

    def _try(self, step: Step) -> None:
        """Execute a statement, and again as long as what it lacks can be provided."""
        module = step.cell.module
        namespace = self._namespace_of(module)
        code = _compile(step.statement, step.filename, self._flags[module])
        self._flags[module] |= code.co_flags & _POSTPONED
        provided: set[str] = set()
        while True:
            try:
                return exec(code, namespace)
            except Exception as error:
                if not code.co_flags & _POSTPONED and raised_in_annotation(error, step.statement, step.filename):
                    code = _compile(step.statement, step.filename, self._flags[module] | _POSTPONED)
                    continue
                name = error.name if isinstance(error, NameError) and type(error.name) is str else ""
                if not name or name in provided or name in namespace or not self._provide(name, step, namespace):
                    raise
                provided.add(name)

    def _provide(self, name: str, step: Step, namespace: dict[str, Any]) -> bool:
        """Give a value to a name that a statement lacks; return whether there is one."""
        if (lower := self._binders.only_one(name, step.cell.module)) is not None:
            self._execute(lower)
            if name in namespace:
                self._moved.add(lower, step, name)
                return True
        if name in REQUIRED:
            namespace[name] = _make_stand_in(name)
        return name in namespace

    def _namespace_of(self, module: str) -> dict[str, Any]:
        if module not in self._namespaces:
            is_package = any(other.module.startswith(f"{module}.") for other in self._cells)
            self._namespaces[module] = _new_module(module, is_package)
        return self._namespaces[module]


def _module_of(namespace: dict[str, Any]) -> types.ModuleType:
    """A module whose attributes are the names of a namespace; more are to come."""

    class Module(types.ModuleType):
        def __getattr__(self, name: str) -> Any:
            if name in namespace:
                return namespace[name]
            raise AttributeError(f"module '{MODULE}' has no attribute '{name}'")

        def __setattr__(self, name: str, value: Any) -> None:
            namespace[name] = value
            super().__setattr__(name, value)

    return Module(MODULE)


def is_defined(namespace: Mapping[str, Any], name: str) -> bool:
    """Whether the submission defines the name; a stand-in does not count."""
    value = namespace.get(name)
    return name in namespace and not (type(value) is type and _STAND_IN in vars(value))


_STAND_IN = "__stands_in__"


def _make_stand_in(name: str) -> type:
    """What a required class that is not defined is for a statement that mentions it; it cannot be constructed.

    `def __init__(self, block: Type[Union[BasicBlock, Bottleneck]] = BasicBlock)` evaluates both names.
    """

    def refuse(self: Any, *_: Any, **__: Any) -> None:
        raise NameError(f"name '{name}' is not defined")

    return type(name, (), {_STAND_IN: True, "expansion": 1, "__init__": refuse})


def _display(*_: Any, **__: Any) -> None:
    """Show nothing."""


def _no_ipython() -> None:
    """There is no IPython here."""


def _new_module(name: str, is_package: bool) -> dict[str, Any]:
    """Make a module that the notebook writes importable, and return its namespace.

    A module of that name that is already imported is not replaced, as in Jupyter.
    """
    parent, _, last = name.rpartition(".")
    module = types.ModuleType(name)
    module.__path__ = []  # of any module: another one may be in it that is not kept
    module.__package__ = name if is_package else parent  # for `from .blocks import BasicBlock`
    if getattr(sys.modules.get(name), "__spec__", None) is None:
        sys.modules[name] = module
        if parent:
            if parent not in sys.modules:
                _new_module(parent, True)
            setattr(sys.modules[parent], last, module)
    return vars(module)


def student_lines(error: BaseException) -> str:
    """The student's own lines on the way to an exception, innermost last; "" without any.

    For example::

        cell 7, line 12, in forward
            out = self.conv2(out)
    """
    frames = list(_frames(error))
    if len(frames) > MOST_FRAMES:
        half = MOST_FRAMES // 2
        between = f"... {len(frames) - 2 * half} more calls ..."
        frames = [*frames[:half], between, *frames[-half:]]
    return "\n".join(frames)


def line_that_defines(class_: type, attribute: str) -> str:
    """The student's line that assigns `self.<attribute>` in a class, as `student_lines` shows lines; "" without one.

    `defining_line.find_in_slice` finds the same line in code that does not run in this process.
    """
    for base in getattr(class_, "__mro__", ()):
        for function in vars(base).values():
            code = getattr(function, "__code__", None)
            if code is None or not (label := _label(code.co_filename)):
                continue
            lines = [line.rstrip("\n") for line in linecache.getlines(code.co_filename)]
            last = max((line for *_, line in code.co_lines() if line), default=0)
            if found := find_assignment(label, lines, range(code.co_firstlineno, last + 1), attribute):
                return found
    return ""


def text_of(error: BaseException) -> str:
    """The exception's own message, whatever the student's exception class does, and what helps to understand it."""
    try:
        message = str(error.msg if isinstance(error, SyntaxError) else error)
        message = "; ".join(filter(None, (message, attributes_instead(error))))
    except BaseException:
        return "(its message cannot be shown)"
    return message[:LONGEST_MESSAGE] + " ... (cut)" if len(message) > LONGEST_MESSAGE else message


def in_notebook(filename: str) -> bool:
    """Whether a file of code, as tracebacks name it, is a cell of a running notebook."""
    return _JUPYTER.search(filename) is not None


def _kept(cell: SlicedCell) -> list[ast.stmt]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        body = ast.parse(cell.source).body
    return [part for index in cell.keep for part in _one_import_each(body[index])]


def _one_import_each(statement: ast.stmt) -> list[ast.stmt]:
    """Split `import torch, einops` into two statements: the second module may be missing and not needed."""
    if not isinstance(statement, ast.Import):
        return [statement]
    return [ast.copy_location(ast.Import([alias]), statement) for alias in statement.names]


def _compile(statement: ast.stmt, filename: str, flags: int) -> types.CodeType:
    module = ast.Module([statement], type_ignores=[])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return compile(module, filename, "exec", flags, dont_inherit=True)


def _show_source_in_tracebacks(filename: str, source: str) -> None:
    lines = [line + "\n" for line in source.split("\n")]
    linecache.cache[filename] = (len(source), None, lines, filename)


def _stored(statement: ast.stmt) -> set[str]:
    nodes = list(ast.walk(statement))
    names = {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    names |= {node.name for node in nodes if isinstance(node, (ast.ClassDef, ast.FunctionDef))}
    aliases = [node for node in nodes if isinstance(node, ast.alias)]
    return names | {alias.asname or alias.name.partition(".")[0] for alias in aliases}


def _follows_from(error: BaseException, lost: set[str]) -> bool:
    return isinstance(error, NameError) and isinstance(error.name, str) and error.name in lost


def _explain(error: BaseException, cell: SlicedCell) -> str:
    where = f", line {error.lineno}" if isinstance(error, SyntaxError) and error.lineno else ""
    message = text_of(error)
    if isinstance(error, ImportError):
        message = _FILE.sub("", message)
    name = _name_of(type(error))
    summary = f"{name}: {message}" if message else name
    return "\n".join(filter(None, (student_lines(error) or f"{cell.label}{where}", summary, hint_for(message))))


def _name_of(kind: type) -> str:
    try:
        return str(kind.__name__)
    except BaseException:  # whatever the student's metaclass does
        return "an exception"


def _frames(error: BaseException) -> Iterator[str]:
    step = error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        if label := _label(code.co_filename):
            place = "" if code.co_name == "<module>" else f", in {code.co_name}"
            line = linecache.getline(code.co_filename, step.tb_lineno).strip()
            yield f"{label}, line {step.tb_lineno}{place}\n    {line[:200]}"
        step = step.tb_next


def _label(filename: str) -> str:
    """What to call a file of code in a message; "" where it is not the student's."""
    if match := _LABEL.fullmatch(filename):
        return match[1]
    return "your notebook" if in_notebook(filename) else ""
