"""What a platform's download says beside the files: who handed in, and when."""

import contextlib
import functools
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from dateutil import parser as dates

from autograder.course.identity import Identity
from autograder.course.origin import Student
from autograder.submission.sanitize import utf8

METADATA = ("submission_metadata.yml", "metadata.yml")
ZONES = {
    **{"UTC": 0, "GMT": 0, "WET": 0, "WEST": 1, "BST": 1, "CET": 1, "CEST": 2, "EET": 2, "EEST": 3, "MSK": 3},
    **{"EST": -5, "EDT": -4, "CDT": -5, "MST": -7, "MDT": -6, "PST": -8, "PDT": -7, "AKST": -9, "AKDT": -8, "HST": -10},
    **{"JST": 9, "KST": 9, "AWST": 8, "ACST": 9.5, "ACDT": 10.5, "AEST": 10, "AEDT": 11, "NZST": 12, "NZDT": 13},
}
"""Hours from UTC. Names that stand for several zones are left out: CST and IST."""
_ZONE_NAME = re.compile(r"(?:^|(?<=\s)|[(\[])([A-Za-z]\w{1,30}(?:/[A-Za-z][\w+-]{1,30}){1,2})[)\]]?\s*$")
"""At the end of a time: `America/Los_Angeles`."""
_NUMBER = re.compile(r"[\d\s]+|\d*[.,]\d*")
_DEFAULTS = datetime(2000, 1, 1), datetime(2001, 2, 2)
"""What dateutil takes for a part that is not there; of a whole date nothing comes from here."""
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
        folder = (file, *file.parents)[len(identity.path) - 1]
        files = [place / name for place in (folder.parent, folder) for name in METADATA]
        if metadata := next((path for path in files if path.is_file()), None):
            data = _read_yaml(metadata, by_student=metadata.parent == folder)
            return _of_gradescope(data, folder.name) or Facts()
    stamp = (file if file.is_dir() else file.parent) / "timestamp.txt"
    if identity.platform == "nbgrader" and stamp.is_file() and stamp.stat().st_size < 100:
        return Facts(submitted=as_iso(stamp.read_text(encoding="utf-8", errors="replace")))
    return Facts()


def as_iso(text: str) -> str:
    """A time as a platform writes it, in ISO 8601; "" where it is none, or where the year or the day is missing.

    Without a zone, or with one that is unknown here, it stays without one.
    """
    found = _ZONE_NAME.search(text)
    words = text.replace(found[0], "").strip() if found else text.strip()
    if not words or _NUMBER.fullmatch(words):
        return ""
    try:
        one, other = (dates.parse(words, default=default, tzinfos=_zone) for default in _DEFAULTS)
    except (ValueError, ArithmeticError, TypeError):  # dateutil raises them all
        return ""
    if found and one.tzinfo is None:
        with contextlib.suppress(ValueError, KeyError, OSError):
            one = one.replace(tzinfo=ZoneInfo(found[1]))
    return one.isoformat(sep=" ", timespec="seconds") if one.date() == other.date() else ""


def _zone(name: str | None, offset: int | None) -> tzinfo | None:
    """The zone of a time; an offset beside it says more than its name."""
    if offset is None and name in ZONES:
        offset = round(3600 * ZONES[name])
    return None if offset is None else timezone(timedelta(seconds=offset))


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
    return utf8(str(value)) if isinstance(value, str | int) else ""


@functools.lru_cache(maxsize=8)
def _read_yaml(path: Path, by_student: bool) -> Any:
    """The content of a file; None where it cannot be read.

    libyaml is fast, for a class of thousands, but crashes on lists that are nested deeply, and refuses half a surrogate
    pair, which a student's name can hold.
    """
    fast = () if by_student else (getattr(yaml, "CSafeLoader", yaml.SafeLoader),)
    for loader in (*fast, yaml.SafeLoader):
        with contextlib.suppress(OSError, yaml.YAMLError, ValueError, RecursionError):
            if path.stat().st_size <= (LARGEST_OF_STUDENT if by_student else LARGEST):
                return yaml.load(path.read_bytes(), Loader=loader)
    return None
