"""From an exception in a test to what a student may read about it."""

from autograder.student.errors import StudentCrash, StudentError, StudentTimeout
from autograder.student.local import NotDefined
from autograder.submission import student_traceback

LONGEST_MESSAGE = 4000
"""Characters of a message that are kept: text of student code can carry anything, in any length."""


def explain(error: BaseException) -> tuple[str, str, tuple[str, ...]]:
    """Return `(outcome, message, misconceptions)`; outcome is "failed", "error" or "timeout"."""
    outcome, message = _classify(error)
    if hint := getattr(error, "hint", ""):
        message = f"{hint}\n{message}"
    misconceptions = tuple(getattr(error, "misconceptions", ()))
    if len(message) > LONGEST_MESSAGE:
        message = message[:LONGEST_MESSAGE] + " ... (cut)"
    return outcome, message, misconceptions


def _classify(error: BaseException) -> tuple[str, str]:
    if isinstance(error, StudentTimeout):
        return "timeout", str(error)
    if isinstance(error, StudentCrash):
        return "error", str(error)
    if isinstance(error, NotDefined):
        return "failed", str(error)
    if isinstance(error, StudentError):
        kind, text, lines = error.kind, error.message, error.traceback
    else:
        kind, text, lines = type(error).__name__, _text(error), student_traceback(error)
        if not lines and isinstance(error, AssertionError):
            return "failed", text
    if kind == "NotImplementedError":
        return "failed", f"Not implemented yet: {text or 'fill in the stub'}"
    if lines:
        return "error", f"Your code raised an error:\n{lines}"
    return "error", f"Your code could not be used as the question asks:\n{kind}: {text}"


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # a __str__ of the student's that raises
        return "(its message could not be shown)"
