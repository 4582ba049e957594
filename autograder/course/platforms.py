"""What a platform's download says beside the files: who handed in, and when."""

import functools
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from dateutil import parser as dates

from autograder.course.identity import Identity
from autograder.course.origin import Student

METADATA = ("submission_metadata.yml", "metadata.yml")
LARGEST = 50_000_000
LARGEST_OF_STUDENT = 100_000
"""Bytes of a metadata file; in a student's own folder it may be one that the student made."""


@dataclass(frozen=True)
class Facts:
    """Who handed a file in, and when (ISO 8601); empty where the platform does not say."""

    students: tuple[Student, ...] = ()
    submitted: str = ""


def facts_about(file: Path, identity: Identity) -> Facts:
    """Read what lies beside a file: Gradescope's metadata, or nbgrader's time stamp.

    Gradescope's own file lies above the folders of the submissions. Only where there is none, one in the folder counts,
    which a student can hand in.
    """
    if identity.platform == "gradescope":
        folder = next(place for place in (file, *file.parents) if place.name == identity.key[0])
        files = [place / name for place in (folder.parent, folder) for name in METADATA]
        if metadata := next((path for path in files if path.is_file()), None):
            data = _read_yaml(metadata, by_student=metadata.parent == folder)
            return _of_gradescope(data, folder.name) or Facts()
    stamp = (file if file.is_dir() else file.parent) / "timestamp.txt"
    if identity.platform == "nbgrader" and stamp.is_file() and stamp.stat().st_size < 100:
        return Facts(submitted=as_iso(stamp.read_text(encoding="utf-8", errors="replace")))
    return Facts()


def as_iso(text: str) -> str:
    """A time as a platform writes it, in ISO 8601; "" where it is none. Without a zone it stays without one."""
    try:
        return dates.parse(text.strip()).isoformat(sep=" ", timespec="seconds") if text.strip() else ""
    except (ValueError, ArithmeticError, TypeError):  # dateutil raises them all
        return ""


def _of_gradescope(data: Any, folder: str) -> Facts | None:
    """The entry of a submission: keys are Ruby's symbols, as in `:name`."""
    entry = data.get(folder, data) if isinstance(data, dict) else None
    submitters = _get(entry, "submitters")
    if not isinstance(submitters, list):
        return None
    students = tuple(
        Student(id=_text(one, "sid"), name=_text(one, "name"), email=_text(one, "email"))
        for one in submitters
        if isinstance(one, dict)
    )
    when = _get(entry, "created_at")
    if isinstance(when, datetime):
        when = (when if when.tzinfo else when.replace(tzinfo=UTC)).isoformat(sep=" ", timespec="seconds")
    return Facts(students, as_iso(str(when or "")))


def _get(entry: Any, name: str) -> Any:
    return entry.get(f":{name}", entry.get(name)) if isinstance(entry, dict) else None


def _text(entry: dict, name: str) -> str:
    value = _get(entry, name)
    return str(value) if isinstance(value, str | int) else ""


@functools.lru_cache(maxsize=8)
def _read_yaml(path: Path, by_student: bool) -> Any:
    """The content of a file; None where it cannot be read.

    libyaml is fast, for a class of thousands, but crashes on lists that are nested deeply.
    """
    loader = yaml.SafeLoader if by_student else getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        if path.stat().st_size <= (LARGEST_OF_STUDENT if by_student else LARGEST):
            return yaml.load(path.read_bytes(), Loader=loader)
    except (OSError, yaml.YAMLError, ValueError, RecursionError):
        return None
    return None
