"""What a platform's download says beside the files: who handed in, and when."""

import functools
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path
from typing import Any

import yaml
from dateutil import parser as dates

from autograder.course.identity import Identity
from autograder.course.origin import Student

METADATA = ("submission_metadata.yml", "metadata.yml")
LARGEST = 50_000_000


@dataclass(frozen=True)
class Facts:
    """Who handed a file in, and when (ISO 8601); empty where the platform does not say."""

    students: tuple[Student, ...] = ()
    submitted: str = ""


def facts_about(file: Path, identity: Identity) -> Facts:
    """Read what lies beside a file: Gradescope's metadata, or nbgrader's time stamp."""
    if identity.platform == "gradescope":
        folder = next(place for place in (file, *file.parents) if place.name == identity.key[0])
        for place in (folder, folder.parent):
            for name in METADATA:
                if facts := _of_gradescope(_read_yaml(place / name), folder.name):
                    return facts
    stamp = (file if file.is_dir() else file.parent) / "timestamp.txt"
    if identity.platform in ("nbgrader", "") and stamp.is_file() and stamp.stat().st_size < 100:
        return Facts(submitted=as_iso(stamp.read_text(encoding="utf-8", errors="replace")))
    return Facts()


def as_iso(text: str) -> str:
    """A time as a platform writes it, in ISO 8601; "" where it is none. Without a zone it stays without one."""
    try:
        return dates.parse(text.strip()).isoformat(sep=" ", timespec="seconds") if text.strip() else ""
    except (ValueError, OverflowError):
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
    if hasattr(when, "isoformat"):
        when = (when if when.tzinfo else when.replace(tzinfo=UTC)).isoformat(sep=" ", timespec="seconds")
    return Facts(students, as_iso(str(when or "")))


def _get(entry: Any, name: str) -> Any:
    return entry.get(f":{name}", entry.get(name)) if isinstance(entry, dict) else None


def _text(entry: dict, name: str) -> str:
    value = _get(entry, name)
    return "" if value is None else str(value)


@functools.lru_cache(maxsize=8)
def _read_yaml(path: Path) -> Any:
    try:
        if path.is_file() and path.stat().st_size <= LARGEST:
            return yaml.load(path.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except (OSError, yaml.YAMLError, ValueError):
        return None
    return None
