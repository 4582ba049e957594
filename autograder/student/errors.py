"""What can go wrong in student code that runs elsewhere; each `str()` is for the student."""


class StudentError(Exception):
    """The student's code raised.

    Args:
        kind: class name of their exception, such as "RuntimeError".
        message: its text.
        traceback: the student's own lines, from `autograder.submission.student_traceback`.
    """

    def __init__(self, kind: str, message: str, traceback: str):
        super().__init__(traceback or f"{kind}: {message}")
        self.kind, self.message = kind, message


class StudentTimeout(Exception):
    """The student's code did not return in time."""


class StudentCrash(Exception):
    """The student's code ended its process, or was stopped at a limit."""
