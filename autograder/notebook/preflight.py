"""Check a saved notebook before it is handed in: whether it has the code of the kernel, and what it will earn."""

import inspect
import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.contract import POINTS, QUESTIONS, REQUIRED
from autograder.student.local import LocalStudent, why_missing
from autograder.student.message import Message
from autograder.submission import Slice, all_slices, execute, read_submission
from autograder.submission.execute import MODULE
from autograder.suite.outcome import Outcome, is_losing
from autograder.suite.run import run_suite
from autograder.suite.summary import headline

PLAIN = (bool, int, float, str, tuple)
"""Class attributes that are compared by value, such as `expansion = 4`."""


@dataclass(frozen=True)
class Preflight:
    """The saved file as graders will see it.

    Args:
        missing: for each required name that the file does not define, why.
        differs: names whose code in the kernel is not the code in the file.
        problems: what raised, or had to wait for a lower cell, when the code in the file was executed.
        outcomes: of the public checks, run on the code in the file.
    """

    missing: Mapping[str, Message]
    differs: tuple[str, ...]
    problems: tuple[str, ...]
    outcomes: Mapping[str, list[Outcome]]

    @property
    def all_outcomes(self) -> list[Outcome]:
        """Of all questions."""
        return [outcome for mine in self.outcomes.values() for outcome in mine]

    def forecast(self) -> str:
        """What the file earns on the public checks, in words."""
        lines = [f"  {headline(question, mine)}" for question, mine in self.outcomes.items()]
        hidden = sum(POINTS.values()) - sum(o.possible for mine in self.outcomes.values() for o in mine)
        last = f"{hidden:g} more points are judged by checks that only graders have."
        return "\n".join(["Your saved notebook earns, on the checks that you have:", *lines, last])

    def warnings(self, name: str) -> str:
        """What is wrong with the file called `name`, in words; "" when nothing is."""
        parts = (filter(None, (reason.got, reason.hint, reason.where)) for reason in self.missing.values())
        lines = ["! " + "\n".join(reason) for reason in parts] or [f"! {problem}" for problem in self.problems]
        if self.differs:
            names = ", ".join(f"`{name}`" for name in self.differs)
            lines.append(f"! {names}: the code that runs here is not the code in the saved file {name}.")
        return "\n".join(lines)


def inspect_file(path: Path, kernel: Mapping[str, Any], public: Path) -> Preflight:
    """Read a saved notebook the way graders do, compare it with the kernel, and run the public checks on it.

    Args:
        path: the notebook.
        kernel: the globals of the running notebook.
        public: the folder of the public checks.

    Raises:
        UnreadableSubmission: the file holds no code; `str()` is one line for the student.
    """
    first, *earlier = all_slices(read_submission(path))
    found = _inspect(first, kernel, public)
    for slice_ in earlier if is_losing(found.all_outcomes) else ():
        again = _inspect(slice_, kernel, public)
        if sum(o.points for o in again.all_outcomes) > sum(o.points for o in found.all_outcomes):
            found = again
    return found


def _inspect(slice_: Slice, kernel: Mapping[str, Any], public: Path) -> Preflight:
    saved: dict[str, Any] = {}
    problems = execute(slice_, saved)
    reasons = why_missing(slice_, problems)
    missing = {name: reasons[name] for name in REQUIRED if name not in saved}
    outcomes = run_suite(LocalStudent(saved, reasons), [public])
    return Preflight(
        missing=missing,
        differs=tuple(_find_differences(saved, kernel)),
        problems=tuple(problems),
        outcomes={question: [o for o in outcomes if o.question == question] for question in QUESTIONS},
    )


def _find_differences(saved: Mapping[str, Any], kernel: Mapping[str, Any]) -> Iterator[str]:
    """The student's names, helpers of the classes included, whose code in the kernel is different."""
    for name in dict.fromkeys([*REQUIRED, *saved]):
        here, there = kernel.get(name), saved.get(name)
        if here is not None and (_is_own(here) or _is_own(there)) and _meaning(here) != _meaning(there):
            yield name


def _is_own(thing: Any) -> bool:
    """Whether it is a class or function that the notebook defines, rather than imports."""
    return isinstance(thing, (type, types.FunctionType)) and thing.__module__ in ("__main__", MODULE)


def _meaning(thing: Any) -> Any:
    """A value that is equal for classes or functions that do the same, whatever their comments and layout.

    IPython compiles statement by statement, as `execute` does: the same source gives the same code.
    """
    if not isinstance(thing, type):
        return _of_function(thing)
    members = {}
    for name, value in vars(thing).items():
        if (function := _of_function(value)) is not None:
            members[name] = function
        elif not name.startswith("__") and isinstance(value, PLAIN):
            members[name] = value
    return [base.__qualname__ for base in thing.__bases__], members


def _of_function(value: Any) -> Any:
    """The code and the defaults of a function, also of a method, a property or a decorated one; None without code."""
    value = getattr(value, "__func__", None) or getattr(value, "fget", None) or value
    value = inspect.unwrap(value) if callable(value) else value
    if not isinstance(value, types.FunctionType):
        return None
    return _of_code(value.__code__), repr(value.__defaults__), repr(value.__kwdefaults__)


def _of_code(code: types.CodeType) -> Any:
    constants = [_of_code(c) if isinstance(c, types.CodeType) else (type(c), c) for c in code.co_consts]
    return code.co_code, constants, code.co_names, code.co_varnames, code.co_freevars
