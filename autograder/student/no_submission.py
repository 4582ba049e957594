"""What tests get in place of the student's classes when the file holds no code."""

from typing import Any, ClassVar

from autograder.student.local import NotDefined
from autograder.student.message import Message


class NoSubmission:
    """Raises `NotDefined`, with the reason, for every name that a test asks for."""

    refused: ClassVar[dict[str, Message]] = {}
    errors_are_typed = True

    def __init__(self, reason: str):
        self._reason = reason

    def __getattr__(self, name: str) -> Any:
        raise NotDefined(Message(got=self._reason))
