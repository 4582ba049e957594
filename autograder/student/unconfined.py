"""The student's classes when they run in the grader's own process, without a sandbox."""

from typing import Any

from autograder.student.local import LocalStudent, refused_questions, why_missing
from autograder.submission import Slice, execute, find_delegation


class UnconfinedStudent(LocalStudent):
    """Executes the slice in this process: for `grade --unsafe`, and for code that the repository itself holds."""

    isolation = ()

    def __init__(self, slice_: Slice):
        namespace: dict[str, Any] = {}
        self.problems = execute(slice_, namespace)
        super().__init__(namespace, why_missing(slice_, self.problems), refused_questions(find_delegation(slice_)))

    def __enter__(self) -> "UnconfinedStudent":
        return self

    def __exit__(self, *_: object) -> None:
        pass
