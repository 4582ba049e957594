"""From an exception in a test to what a student reads about it."""

import traceback
from dataclasses import replace
from pathlib import Path
from types import ModuleType

from autograder.student.errors import StudentCrash, StudentError, StudentTimeout
from autograder.student.message import CheckFailure, Message
from autograder.submission import student_lines
from autograder.submission.advice import hint_for
from autograder.submission.execute import text_of

CHANGED_IN_PLACE = (
    "no gradient can be computed, because an operation in place (`+=`, `relu_`, inplace=True) changes a tensor that "
    "the backward pass still needs; write `out = out + ...`"
)
"""The exception itself has no line of the student's: PyTorch raises it in backward."""
LAZY = Message(
    "a module whose weights exist when it is built, so that they can be counted, loaded and given to an optimizer",
    "a lazy layer, such as nn.LazyConv2d, whose weights exist after the first forward pass only",
    "say how many channels or features come in: nn.Conv2d(in_planes, ...), nn.BatchNorm2d(planes), "
    "nn.Linear(512 * block.expansion, num_classes)",
)
OWN_FILES = tuple(Path(__file__).resolve().parents[2] / name for name in ("autograder", "tests"))
ON_TENSORS = (RuntimeError, IndexError)
ON_VALUES = (TypeError, AttributeError, ValueError)
NOT_USABLE = "compare names, arguments and defaults with those in the text of the question"


def place_of_own_error(error: BaseException, student: object) -> str:
    """Where the grader itself failed: file, line and exception; "" where the student's code is the reason.

    What the student's code raises has lines of its own, or a type of `autograder.student.errors`. Otherwise the line
    that raised decides: an error in one of the grader's files is its own. These are not: an assertion outside of the
    oracle; an operation on a tensor that the student's code returned (`RuntimeError`, `IndexError`), except where the
    oracle asks a worker, which checks what it returns; and, where the code runs in this process, the use of whatever
    else it returned (`TypeError`, `AttributeError`, `ValueError`).

    Args:
        error: what a check raised.
        student: the student's classes, see `RemoteStudent.errors_are_typed`.
    """
    if isinstance(error, (CheckFailure, StudentError, StudentTimeout, StudentCrash)) or student_lines(error):
        return ""
    frame = traceback.extract_tb(error.__traceback__)[-1]
    file = Path(frame.filename)
    oracle = file.is_relative_to(OWN_FILES[0] / "oracle")
    typed = getattr(student, "errors_are_typed", False)
    lenient = () if typed and oracle else ON_TENSORS if typed else (*ON_TENSORS, *ON_VALUES)
    slip = isinstance(getattr(error, "obj", None), ModuleType)  # an attribute that one of our modules does not have
    if (isinstance(error, lenient) and not slip) or (isinstance(error, AssertionError) and not oracle):
        return ""
    if not (oracle or any(file.is_relative_to(folder) for folder in OWN_FILES) or file.name.startswith("test_")):
        return ""
    return f"{file.parent.name}/{file.name}, line {frame.lineno}: {type(error).__name__}: {text_of(error)}"


def explain(error: BaseException) -> tuple[str, Message, tuple[str, ...]]:
    """Return `(outcome, message, mistakes)`; outcome is "failed", "error" or "timeout"."""
    outcome, message = _classify(error)
    if sentences := getattr(error, "mistake", ""):
        message = replace(message, mistake=sentences)
    return outcome, message.shorten(), tuple(getattr(error, "mistakes", ()))


def _classify(error: BaseException) -> tuple[str, Message]:
    if isinstance(error, StudentTimeout):
        return "timeout", Message(got=str(error))
    if isinstance(error, StudentCrash):
        return "error", Message(got=str(error))
    if isinstance(error, CheckFailure):
        return "failed", replace(error.message, hint=hint_for(error.message.got) or error.message.hint)
    if isinstance(error, StudentError):
        kind, text, lines, hint = error.kind, error.message, error.traceback, error.hint
    else:
        kind, text, lines, hint = type(error).__name__, text_of(error), student_lines(error), ""
        if not lines and isinstance(error, AssertionError):
            return "failed", Message(got=text)
    if kind == "NotImplementedError" and (not text or kind in lines):  # PyTorch raises it too, with a text
        return "failed", Message(got=f"Not implemented yet: {text or 'fill in the stub'}", where=lines)
    raised = f"{kind}: {text}" if text else kind
    hint = hint or hint_for(text)
    if lines:
        return "error", Message(got=f"your code raised {raised}", hint=hint, where=lines)
    if "uninitialized parameter" in text:
        return "error", LAZY
    if "modified by an inplace operation" in text:
        return "error", Message(got=raised, hint=CHANGED_IN_PLACE)
    return "error", Message(got=f"using your code as the question asks raised {raised}", hint=hint or NOT_USABLE)
