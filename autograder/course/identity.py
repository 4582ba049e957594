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
from collections.abc import Sequence
from dataclasses import dataclass, replace

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
_EXPORTED = re.compile(r".*\D_\d{4}_\d\d_\d\dT\d\d_\d\d_\d\d_\d+")
"""The zip that the last cell of the notebook writes."""
_MAIN = re.compile(r"resnet", re.IGNORECASE)
_WORK = re.compile(
    r"(resnet|submission|submitted|notebook|assignment|homework|handin|main|final|code|src)s?|assignment_\d+_export"
    r"|(ps|pset|hw|lab|exercise|ex|project|task|week|assignment|homework)[-_ ]?\d+",
    re.IGNORECASE,
)
_NUMBER = re.compile(r"(?:[-_](\d{1,3})| ?\((\d{1,3})\))$")
"""Of a resubmission, `resnet-2`, or of a file that was downloaded twice, `resnet (1)`."""
_SUFFIXES = (".txt", ".py", ".zip", ".ipynb")
"""Of files; of two that differ in nothing else, the later in this list counts."""


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
        path: the path of the file below the folder that was given, with the names that the key was taken from.
    """

    key: tuple[str, ...]
    platform: str
    words: tuple[str, ...]
    path: tuple[str, ...]
    late: bool = False
    attempt: int = 1
    upload: int = 0

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
        attempt = _attempt(found["file"])
        key = (f"{name}_{user}",)
        return Identity(key, "canvas", (user, name), (parts[-1],), bool(found["late"]), attempt, int(found["upload"]))
    if found := _MOODLE.fullmatch(part):
        words = (f"Participant {found['id']}", found["name"])
        attempt = _attempt(found["file"] or stem)
        return Identity((f"{found['name']}_{found['id']}",), "moodle", words, tuple(parts[place:]), attempt=attempt)
    if _GRADESCOPE.fullmatch(parts[place]):
        attempt = 1 if last else _attempt(stem)
        return Identity((part,), "gradescope", (part,), tuple(parts[place:]), attempt=attempt)
    if part == _NBGRADER and (len(parts) > place + 2 or (not last and stem == parts[-1])):
        student = parts[place + 1]
        if not _MOODLE.fullmatch(student) and not _GRADESCOPE.fullmatch(student):
            return Identity((student,), "nbgrader", (student,), tuple(parts[place + 1 :]), attempt=_attempt(stem))
    return None


def _of_path(parts: list[str], below: int) -> Identity:
    inside, above = parts[-below:], parts[:-below][-FARTHEST_FOLDER:]
    stem = _stem(inside[-1])
    names = [*inside[:-1], stem]
    numbered = _is_numbered(stem)
    while len(names) > 1 and (_is_work(names[-1]) or (names[-1] is stem and numbered)):
        names.pop()
    path = tuple(inside)
    if len(names) == 1 and (_is_work(names[0]) or (len(inside) == 1 and numbered)):
        owner = next((place for place in reversed(range(len(above))) if not _is_work(above[place])), None)
        if owner is not None and above[owner] != "/":
            path = (*above[owner:], *inside)
            names = [above[owner], *([stem] if len(inside) == 1 and numbered else [])]
    return Identity(tuple(names), "", tuple(names), path, attempt=_attempt(stem))


def _stem(name: str) -> str:
    """A file's name without its suffix; folders keep their names."""
    start, _, suffix = name.rpartition(".")
    return start if start and f".{suffix.lower()}" in _SUFFIXES else name


def _attempt(stem: str) -> int:
    found = _NUMBER.search(stem)
    return (int(found[1]) if found[1] else int(found[2]) + 1) if found else 1


def _is_work(name: str) -> bool:
    """Whether it says what was handed in, and not by whom."""
    return bool(_WORK.fullmatch(name))


def _is_numbered(stem: str) -> bool:
    """Whether it does so, and tells it from others of the same name."""
    return bool(_EXPORTED.fullmatch(stem)) or (_is_work(_NUMBER.sub("", stem)) and not _is_work(stem))


def precedence(identity: Identity, submitted: str = "") -> tuple:
    """A key to sort the files of one student by: the last one counts.

    The notebook of the assignment comes before other files, then the later attempt, by the platform's time or number.
    """
    name = identity.path[-1].lower()
    kind = next((rank for rank, suffix in enumerate(_SUFFIXES) if name.endswith(suffix)), -1)
    main = bool(_MAIN.search(name))
    return main, identity.attempt, submitted, kind, identity.upload, identity.path


def result_name(key: Sequence[str]) -> str:
    """The name of a student's result file, without `.json`; keys that differ in more than case give different names."""
    name = "__".join(key)
    safe = re.sub(r"[^\w\- .@+(),'&=!]", "_", name)
    ambiguous = any("__" in part or part.startswith(("_", ".")) or part.endswith("_") for part in key)
    if safe == name and not ambiguous and len(name.encode()) <= LONGEST_NAME and not re.search(r"-[0-9a-f]{12}$", name):
        return name
    digest = hashlib.sha256("/".join(key).casefold().encode()).hexdigest()[:12]
    return f"{safe.lstrip('.').encode()[: LONGEST_NAME - 13].decode(errors='ignore')}-{digest}"
