"""From an exception in a test to what a student may read about it."""

from autograder.student.errors import StudentCrash, StudentError, StudentTimeout
from autograder.student.local import NotDefined
from autograder.submission import student_traceback

LONGEST_MESSAGE = 4000
"""Characters of a message that are kept: text of student code can carry anything, in any length."""

CHANGED_IN_PLACE = (
    "No gradient can be computed: an operation in place (`+=`, `relu_`, inplace=True) changes a tensor that the "
    "backward pass still needs. Write `out = out + ...`."
)
"""PyTorch says so, but without a line of the student's: it happens in backward."""


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
    if "modified by an inplace operation" in text:
        return "error", f"{CHANGED_IN_PLACE}\n{kind}: {text}"
    return "error", f"Your code could not be used as the question asks:\n{kind}: {text}"


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # a __str__ of the student's that raises
        return "(its message could not be shown)"
