"""From an exception in a test to what a student reads about it."""

from dataclasses import replace

from autograder.student.errors import StudentCrash, StudentError, StudentTimeout
from autograder.student.message import CheckFailure, Message
from autograder.submission import student_lines
from autograder.submission.execute import hint_for, text_of

CHANGED_IN_PLACE = (
    "no gradient can be computed, because an operation in place (`+=`, `relu_`, inplace=True) changes a tensor that "
    "the backward pass still needs; write `out = out + ...`"
)
"""The exception itself has no line of the student's: PyTorch raises it in backward."""
NOT_USABLE = "compare names, arguments and defaults with those in the text of the question"


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
        return "failed", error.message
    if isinstance(error, StudentError):
        kind, text, lines, hint = error.kind, error.message, error.traceback, error.hint
    else:
        kind, text, lines, hint = type(error).__name__, text_of(error), student_lines(error), ""
        if not lines and isinstance(error, AssertionError):
            return "failed", Message(got=text)
    if kind == "NotImplementedError":
        return "failed", Message(got=f"Not implemented yet: {text or 'fill in the stub'}", where=lines)
    raised = f"{kind}: {text}" if text else kind
    hint = hint or hint_for(text)
    if lines:
        return "error", Message(got=f"your code raised {raised}", hint=hint, where=lines)
    if "modified by an inplace operation" in text:
        return "error", Message(got=raised, hint=CHANGED_IN_PLACE)
    return "error", Message(got=f"using your code as the question asks raised {raised}", hint=hint or NOT_USABLE)
