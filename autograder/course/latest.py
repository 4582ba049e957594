"""Which of the files that one student handed in counts: the last of those that define most.

As within one file (`autograder.submission.choose`), what cannot be read, or holds stubs only, never counts in place of
what defines a name; and of files that define as much in different ways, and that nothing puts in order, none counts.
"""

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from autograder.course.identity import SUFFIXES, Identity
from autograder.submission import NOTHING, Content

_ASSIGNMENT = "resnet"
_UNKNOWN = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class Candidate:
    """One of the files of a student.

    Args:
        file: where it lies.
        identity: what its path says.
        submitted: when it was handed in, as the platform says, in ISO 8601; "" if it does not.
        content: what it defines; nothing where only names are to decide.
    """

    file: Path
    identity: Identity
    submitted: str = ""
    content: Content = NOTHING


def choose(files: Sequence[Candidate]) -> tuple[Candidate, list[Candidate]]:
    """The file that counts, and those that could as well, but differ: if there are any, none should count."""
    best = max(one.content.rank for one in files)
    equal = [one for one in files if one.content.rank == best]
    if not best[0]:  # nothing but the name tells the notebook of the assignment from other files
        equal = [one for one in equal if _ASSIGNMENT in one.identity.work.lower()] or equal
    for keep in (_last_on_platform, _last_number, _last_export, _named_as_handout, _not_zipped):
        equal = keep(equal)
    first = max(equal, key=_preference)
    return first, [one for one in equal if best[0] and one.content.meaning != first.content.meaning]


def _last_on_platform(files: list[Candidate]) -> list[Candidate]:
    return _greatest(files, lambda one: (_moment(one.submitted), one.identity.upload))


def _last_number(files: list[Candidate]) -> list[Candidate]:
    """Of files with one name, that with the highest number; numbers of different names say nothing."""
    names = {(one.identity.work.lower(), one.identity.exported, _kind(one)) for one in files}
    return _greatest(files, lambda one: one.identity.attempt) if len(names) == 1 else files


def _last_export(files: list[Candidate]) -> list[Candidate]:
    return _greatest(files, lambda one: one.identity.exported) if all(one.identity.exported for one in files) else files


def _named_as_handout(files: list[Candidate]) -> list[Candidate]:
    def is_named_so(one: Candidate) -> bool:
        identity = one.identity
        return (identity.work.lower(), identity.attempt, _suffix(one)) == (_ASSIGNMENT, 1, ".ipynb")

    return [one for one in files if is_named_so(one)] or files


def _not_zipped(files: list[Candidate]) -> list[Candidate]:
    return [one for one in files if _suffix(one) != ".zip"] or files


def _greatest(files: list[Candidate], key: Callable) -> list[Candidate]:
    greatest = max(map(key, files))
    return [one for one in files if key(one) == greatest]


def _preference(one: Candidate) -> tuple:
    """If nothing else decides, a notebook comes before a zip and a script."""
    return one.identity.attempt, _kind(one), one.identity.path


def _kind(one: Candidate) -> int:
    return SUFFIXES.index(_suffix(one)) if _suffix(one) in SUFFIXES else -1


def _suffix(one: Candidate) -> str:
    return f".{one.identity.path[-1].rpartition('.')[2].lower()}"


def _moment(submitted: str) -> datetime:
    """A time of the platform, to compare; one without a zone is taken as UTC."""
    with contextlib.suppress(ValueError):
        time = datetime.fromisoformat(submitted)
        return time if time.tzinfo else time.replace(tzinfo=UTC)
    return _UNKNOWN
