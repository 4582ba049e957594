"""Submissions on which the grader itself failed, and how the command line says so."""

from collections import defaultdict
from collections.abc import Iterable
from typing import NamedTuple

MOST_NAMED = 3
"""Submissions with the same reason that are named one by one. A check that is broken fails on the whole class."""


class Failure(NamedTuple):
    """That something was not graded.

    Args:
        what: the submission's file, or a task of Slurm.
        reason: why, in one line.
        log: the file that says more; "" where there is none.
    """

    what: str
    reason: str
    log: str = ""


def in_words(failures: Iterable[Failure]) -> str:
    """One line for each failure; one line for all that have the same reason, if these are many."""
    by_reason: dict[str, list[Failure]] = defaultdict(list)
    for failure in failures:
        by_reason[failure.reason].append(failure)
    lines = []
    for reason, alike in by_reason.items():
        if len(alike) <= MOST_NAMED:
            lines += [f"{one.what}: {reason}{f' ({one.log})' if one.log else ''}" for one in alike]
        else:
            log = f"; see {alike[0].log}" if alike[0].log else ""
            lines.append(f"{len(alike)} submissions, the first is {alike[0].what}: {reason}{log}")
    return "\n".join(lines)
