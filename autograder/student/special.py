"""Student surfaces for what is no submission, and for machines that can confine nothing."""

from typing import Any, ClassVar

from autograder.student.local import LocalStudent, NotDefined, refused_questions, why_missing
from autograder.submission import Slice, execute


class Nobody:
    """The surface of a submission without usable code: every name says why it is not there."""

    refused: ClassVar[dict[str, str]] = {}

    def __init__(self, reason: str):
        self._reason = reason

    def __getattr__(self, name: str) -> Any:
        raise NotDefined(self._reason)


class Unconfined(LocalStudent):
    """Student code in this process; only where the grader was told to be unsafe."""

    isolation = ()

    def __init__(self, slice_: Slice):
        namespace: dict[str, Any] = {}
        self.problems = execute(slice_, namespace)
        super().__init__(namespace, why_missing(slice_, self.problems), refused_questions(slice_))

    def __enter__(self) -> "Unconfined":
        return self

    def __exit__(self, *_: object) -> None:
        pass
