"""Which names each case of a test used and how it ended, so that a case need not run again on the same code."""

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any

from autograder.contract import REQUIRED
from autograder.student.passes import on_behalf_of, settle
from autograder.suite.outcome import Case


@dataclass
class Journal:
    """Filled by `run_suite`.

    Args:
        known: cases that are not run, because their results are known; by `suite.plugin.case_id`.
    """

    known: Mapping[str, Case] = field(default_factory=dict)
    cases: dict[str, Case] = field(default_factory=dict)
    """How each case ended, the known ones included."""
    names: dict[str, set[str]] = field(default_factory=dict)
    """Which of the required names each case that was run has used."""
    current: str = ""
    """The case that is running."""

    def unaffected_by(self, changed: set[str]) -> dict[str, Case]:
        """The cases whose results stay the same when only the code of the names in `changed` is different.

        Its random numbers are fixed, so a case depends on a submission only through the names that it uses.
        """
        return {case: self.cases[case] for case, used in self.names.items() if not used & changed}


class Watched:
    """The student's classes; records in a journal which required names the tests use."""

    def __init__(self, student: Any, journal: Journal):
        self._student, self._journal = student, journal

    def on_behalf_of(self, question: str) -> AbstractContextManager[None]:
        """As the function `on_behalf_of`."""
        return on_behalf_of(self._student, question)

    def flush(self) -> None:
        """Have everything executed that was asked for, where the code is in a worker."""
        settle(self._student)

    def drop(self) -> None:
        """Forget what was asked for and is not executed yet, where the code is in a worker."""
        if hasattr(type(self._student), "drop"):
            self._student.drop()

    def __getattr__(self, name: str) -> Any:
        if name in REQUIRED:
            self._journal.names.setdefault(self._journal.current, set()).add(name)
        return getattr(self._student, name)
