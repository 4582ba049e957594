"""What can go wrong where student code runs; each `str()` is for the student, but that of `GraderBroken`."""


class GraderBroken(Exception):
    """The machinery around the student's code failed: no fault of theirs, and no score. `str()` is for the TA."""


class StudentError(Exception):
    """The student's code raised.

    Args:
        kind: class name of their exception, such as "RuntimeError".
        message: its text.
        traceback: the student's own lines, from `autograder.submission.student_traceback`.
    """

    def __init__(self, kind: str, message: str, traceback: str):
        super().__init__(traceback or f"{kind}: {message}")
        self.kind, self.message, self.traceback = kind, message, traceback


class StudentTimeout(Exception):
    """The student's code did not return in time."""


class StudentCrash(Exception):
    """The student's code ended its process, or was stopped at a limit."""
