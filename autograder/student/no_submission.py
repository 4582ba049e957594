"""The student surface of a file that holds no code."""

from typing import Any, ClassVar

from autograder.student.local import NotDefined


class NoSubmission:
    """Raises `NotDefined`, with the reason, for every name that a test asks for."""

    refused: ClassVar[dict[str, str]] = {}

    def __init__(self, reason: str):
        self._reason = reason

    def __getattr__(self, name: str) -> Any:
        raise NotDefined(self._reason)
