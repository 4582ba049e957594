"""What can go wrong where student code runs. Each `str()` is for the student, except that of `GraderBroken`."""


class GraderBroken(Exception):
    """The grader itself failed: not the student's fault, and no score. `str()` is for the teaching assistant."""

    log = ""
    """The traceback of the process that graded; "" where there is none, as when it was killed."""


class SuiteError(GraderBroken):
    """A test of the suite is broken, or the suite could not run."""


class StudentError(Exception):
    """The student's code raised.

    Args:
        kind: class name of their exception, such as "RuntimeError".
        message: its text.
        traceback: the student's own lines on the way to it, from `autograder.submission.student_lines`.
        hint: what the student may do about it.
    """

    operation = ""
    """What the code was asked to do, where the request was sent later than it was made; see `sandbox.session`."""

    def __init__(self, kind: str, message: str, traceback: str, hint: str = ""):
        summary = f"{kind}: {message}" if message else kind
        super().__init__("\n".join(filter(None, (traceback, summary, hint))))
        self.kind, self.message, self.traceback, self.hint = kind, message, traceback, hint


class StudentTimeout(Exception):
    """The student's code did not return in time."""


class StudentCrash(Exception):
    """The student's code ended its process, or was stopped at a limit."""


NOT_ABOUT_THE_CODE = (GraderBroken, StudentTimeout, StudentCrash)
"""Exceptions that say nothing about what the code computes: the worker is gone, or the grader is broken."""
