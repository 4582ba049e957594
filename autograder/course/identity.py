"""A student's key, from the path of a file alone: the same in every call and on every machine.

The file names of bulk downloads name the student, wherever the folder lies:

    doejane_LATE_12345_67890_resnet-2.ipynb              Canvas
    Jane Doe_1234_assignsubmission_file_/resnet.ipynb    Moodle
    submission_123/resnet.ipynb                          Gradescope
    submitted/jane/ps1/resnet.ipynb                      nbgrader

In any other folder the key is the path below that folder. Names that say what was handed in, and not by whom, are left
out: `jane/ps1/resnet.py` is handed in by `jane`. Of several names in a path the outermost counts, because students
choose what lies below.
"""

import hashlib
import os
import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from autograder.submission.exported import split_exported

LONGEST_NAME = 200
"""Bytes of a result file's name, before `.json`; file systems allow 255 in all."""
FARTHEST_FOLDER = 3
"""So many folders above a file can say whose it is, where the folder that was given does not."""

_CANVAS = re.compile(
    r"(?P<name>anon_(?=\w{5}_\d)|[^_]+_)(?P<late>LATE_)?(?P<user>\d+|(?<=anon_)\w{5})_(?P<upload>\d+)_(?P<file>(?!\d\dT\d\d_).+)",
    re.IGNORECASE,
)
_MOODLE = re.compile(r"(?P<name>.+)_(?P<id>\d+)_assignsubmission_[a-z]+_?(?P<file>.*)", re.IGNORECASE)
_GRADESCOPE = re.compile(r"submission_\d+")
_NBGRADER = "submitted"
_WORK = re.compile(
    r"(resnet|submission|submitted|notebook|assignment|homework|handin|main|final|code|src)s?|assignment_\d+_export"
    r"|(ps|pset|hw|lab|exercise|ex|project|task|week|assignment|homework)[-_ ]?\d+",
    re.IGNORECASE,
)
_AFTER = re.compile(rf"[-_ ]+(?:{_WORK.pattern}|v\d+)$", re.IGNORECASE)
_BEFORE = re.compile(rf"(?:{_WORK.pattern})[-_ ]+", re.IGNORECASE)
"""What students write before and after their names: `hw3_jane_doe_resnet_v2`."""
_FEWEST_DIGITS = 5
"""Of a number that may be an id; shorter ones number files."""
_NUMBER = re.compile(r"(?:[-_](\d{1,3})| ?\((\d{1,3})\))$")
"""Of a resubmission, `resnet-2`, or of a file that was downloaded twice, `resnet (1)`."""
SUFFIXES = (".txt", ".py", ".zip", ".ipynb")
"""Of files that can be handed in."""


@dataclass(frozen=True)
class Identity:
    """Whose file it is.

    Args:
        key: path-like name of the student; never that of another one in the same folder.
        platform: "canvas", "moodle", "gradescope", "nbgrader", or "" for any other folder.
        words: what a roster may know the student by: an id, a name, an e-mail address; of a path the outermost first.
        late: the platform says that it was handed in late.
        attempt: 1, or the number that the platform appends to resubmissions.
        upload: the platform's number of the upload; it grows.
        exported: when the notebook was exported, by the name of the zip; "" for any other file.
        work: the file's own name: without what the platform wrote before it, number, time of the export, and suffix.
        path: the path of the file below the folder that was given, with the names that the key was taken from.
    """

    key: tuple[str, ...]
    platform: str
    words: tuple[str, ...]
    path: tuple[str, ...]
    late: bool = False
    attempt: int = 1
    upload: int = 0
    exported: str = ""
    work: str = ""

    @property
    def name(self) -> str:
        """The key as people read it: `section1/jane`."""
        return "/".join(self.key)


def identify(parts: Sequence[str], below: int) -> Identity:
    """Say whose file it is.

    Args:
        parts: the parts of its absolute path.
        below: how many of them lie below the folder that was given; 1 for a file that was given itself.
    """
    parts = [unicodedata.normalize("NFC", in_utf8(part)) for part in parts]
    return _of_platform(parts, len(parts) - below) or _of_path(parts, below)


def in_utf8(part: str) -> str:
    """A part of a path; bytes of its name that are no UTF-8 as `\\xff`."""
    return os.fsencode(part).decode(errors="backslashreplace")


def _of_platform(parts: list[str], top: int) -> Identity | None:
    """Whose file it is by a platform's names; None where none of the parts is one.

    The outermost name counts: what lies below it is the student's choice. That also holds for a folder that no platform
    named; so the key begins with it. Above the folder that was given, the nearest name counts, because anything can lie
    there; but below a folder of Moodle lies only what one student handed in.

    Args:
        top: the place of the first part below the folder that was given.
    """
    of_moodle = next((place for place in range(top) if _MOODLE.fullmatch(parts[place])), None)
    if of_moodle is not None:
        return _named_by(parts, of_moodle)
    for place in range(top - (top > 0 and parts[top - 1] == _NBGRADER), len(parts)):
        if found := _named_by(parts, place):
            outer = tuple(part for part in parts[top:place] if not _is_work(part))
            if not outer:
                return found
            key, words = (*outer, *found.key), (*outer, *found.words)
            return replace(found, key=key, platform="", words=words, path=tuple(parts[top:]))
    return next(filter(None, (_named_by(parts, place) for place in reversed(range(top)))), None)


def _named_by(parts: list[str], place: int) -> Identity | None:
    """Whose file it is if a platform made this part of its path."""
    last = place == len(parts) - 1
    stem = _stem(parts[-1])
    part = stem if last else parts[place]
    if last and (found := _CANVAS.fullmatch(part)):
        name, user = found["name"].strip("_"), found["user"]
        said = {"late": bool(found["late"]), "upload": int(found["upload"]), **_said_by(found["file"])}
        return Identity((f"{name}_{user}",), "canvas", (user, name), (parts[-1],), **said)
    if found := _MOODLE.fullmatch(part):
        words = (f"Participant {found['id']}", found["name"])
        said = _said_by(found["file"] or stem)
        return Identity((f"{found['name']}_{found['id']}",), "moodle", words, tuple(parts[place:]), **said)
    if _GRADESCOPE.fullmatch(parts[place]):
        said = {} if last else _said_by(stem)
        return Identity((part,), "gradescope", (part,), tuple(parts[place:]), **said)
    if part == _NBGRADER and (len(parts) > place + 2 or (not last and stem == parts[-1])):
        student = parts[place + 1]
        if not _MOODLE.fullmatch(student) and not _GRADESCOPE.fullmatch(student):
            return Identity((student,), "nbgrader", (student,), tuple(parts[place + 1 :]), **_said_by(stem))
    return None


def _of_path(parts: list[str], below: int) -> Identity:
    inside, above = parts[-below:], parts[:-below][-FARTHEST_FOLDER:]
    stem = _stem(inside[-1])
    numbered = _is_numbered(stem)
    names = [*inside[:-1], stem if numbered else split_exported(stem)[0]]
    if len(names) > 1 and numbered:
        names.pop()
    while len(names) > 1 and _is_work(names[-1]):
        names.pop()
    path = tuple(inside)
    if len(names) == 1 and (_is_work(names[0]) or (len(inside) == 1 and numbered)):
        owner = next((place for place in reversed(range(len(above))) if not _is_work(above[place])), None)
        if owner is not None and above[owner] != "/":
            path = (*above[owner:], *inside)
            names = [above[owner], *([stem] if len(inside) == 1 and numbered else [])]
    return Identity(tuple(names), "", tuple(names), path, **_said_by(stem))


def _stem(name: str) -> str:
    """A file's name without its suffix; folders keep their names."""
    start, _, suffix = name.rpartition(".")
    return start if start and f".{suffix.lower()}" in SUFFIXES else name


def _said_by(stem: str) -> dict[str, Any]:
    """The fields of an identity that the file's own name gives."""
    notebook, exported, rest = split_exported(stem)
    found = _NUMBER.search(rest if exported else stem)
    attempt = (int(found[1]) if found[1] else int(found[2]) + 1) if found else 1
    return {"attempt": attempt, "exported": exported, "work": _NUMBER.sub("", notebook)}


def _is_work(name: str) -> bool:
    """Whether it says what was handed in, and not by whom."""
    return bool(_WORK.fullmatch(name))


def without_work(name: str) -> Iterator[str]:
    """The name, then less and less of it: without each word at its ends that says what was handed in, not by whom.

    Of `hw3_jane_doe_final` these are `hw3_jane_doe` and `jane_doe`. A small number may count files, and is no name.
    """
    while not (name.isdigit() and len(name) < _FEWEST_DIGITS):
        yield name
        shorter = _AFTER.sub("", name)
        if shorter == name and (found := _BEFORE.match(name)):
            shorter = name[found.end() :]
        if shorter in (name, ""):
            return
        name = shorter


def _is_numbered(stem: str) -> bool:
    """Whether it does so, and tells it from others of the same name, by a number or by the time of the export."""
    return _is_work(_NUMBER.sub("", split_exported(stem)[0])) and not _is_work(stem)


def result_name(key: Sequence[str]) -> str:
    """The name of a student's result file, without `.json`; keys that differ in more than case give different names."""
    name = "__".join(key)
    safe = re.sub(r"[^\w\- .@+(),'&=!]", "_", name)
    ambiguous = any("__" in part or part.startswith(("_", ".")) or part.endswith("_") for part in key)
    if safe == name and not ambiguous and len(name.encode()) <= LONGEST_NAME and not re.search(r"-[0-9a-f]{12}$", name):
        return name
    digest = hashlib.sha256("/".join(key).casefold().encode()).hexdigest()[:12]
    return f"{safe.lstrip('.').encode()[: LONGEST_NAME - 13].decode(errors='ignore')}-{digest}"
