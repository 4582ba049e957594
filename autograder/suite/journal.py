"""What each case of a test looked at and how it ended, so that a case need not be run again on the same code."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from autograder.contract import REQUIRED
from autograder.suite.outcome import Case


@dataclass
class Journal:
    """Kept by `run_suite`.

    Args:
        known: cases that are not run, because this is how they end; by `suite.plugin.case_id`.
    """

    known: Mapping[str, Case] = field(default_factory=dict)
    cases: dict[str, Case] = field(default_factory=dict)
    """How each case ended, the known ones included."""
    names: dict[str, set[str]] = field(default_factory=dict)
    """Which of the required names each case that was run has used."""
    current: str = ""
    """The case that is running."""

    def unaffected_by(self, changed: set[str]) -> dict[str, Case]:
        """The cases that end as they did when only the code of the names in `changed` is another.

        A test's random numbers aside, a case depends on nothing of a submission but the names that it uses: it would
        take the same way through code that is the same.
        """
        return {case: self.cases[case] for case, used in self.names.items() if not used & changed}


class Watched:
    """A student surface that notes in a journal which required names the tests ask it for."""

    def __init__(self, student: Any, journal: Journal):
        self._student, self._journal = student, journal

    def __getattr__(self, name: str) -> Any:
        if name in REQUIRED:
            self._journal.names.setdefault(self._journal.current, set()).add(name)
        return getattr(self._student, name)
