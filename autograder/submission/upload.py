"""What one student handed in: a file, or a folder with several. Nothing in a file is looked at here."""

import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from autograder.contract import REQUIRED
from autograder.submission import handout
from autograder.submission.handout import has_handout_path, is_handout
from autograder.submission.read import LARGEST_FILE, Refused, UnreadableSubmission, shown, too_large

SUFFIXES = (".ipynb", ".py", ".zip")
MOST_FILES = 1000
"""Files in a zip or in a folder."""
KINDS = "hand in a notebook (.ipynb), a .py file, or the .zip from grader.export()."
OF_A_PACKAGE = ("__init__.py", "__main__.py")
"""Files that make a folder a package. They are no hidden files, and none of them is a whole submission."""
_DEFINITION = rb"(?:class|def)[ \t]+(?:%s)[ \t]*[(:]" % "|".join(REQUIRED).encode()
_OBJECT = re.compile(rb"\s*\{")
_IN_CODE = re.compile(rb"^" + _DEFINITION, re.MULTILINE)
_IN_JSON = re.compile(rb"(?:\"|\\n)" + _DEFINITION)
"""The definition in a cell of a notebook, which is JSON."""


@dataclass(frozen=True)
class Upload:
    """The bytes of what was handed in.

    Args:
        name: of the file or folder.
        files: maps the path of each file that can be graded to its bytes; the parts of a path are separated by "/".
    """

    name: str
    files: Mapping[str, bytes]


def with_slashes(path: str) -> str:
    """A path within a zip or a folder with "/" between its parts; zips made on Windows can have backslashes."""
    return path.replace("\\", "/")


def is_hidden(path: str) -> bool:
    """Whether a path within a zip or a folder is hidden, or something that a system or an editor keeps for itself."""
    *folders, name = with_slashes(path).split("/")
    return any(part.startswith((".", "__")) for part in (*folders, "" if name in OF_A_PACKAGE else name))


def is_empty_package(path: str, size: int) -> bool:
    """Whether a file only says that its folder is a package, which is clear without it; Otter makes such a file."""
    return size == 0 and with_slashes(path).rpartition("/")[2] in OF_A_PACKAGE


def can_be_graded(path: Path) -> bool:
    """Whether a file can be a submission, by its suffix.

    `jupyter nbconvert --to script` names its output `.txt` where a notebook does not say otherwise, and some browsers
    so name a notebook. Of text files, only those count that define a required name.
    """
    suffix = path.suffix.lower()
    return suffix in SUFFIXES or (suffix == ".txt" and _is_code(path))


def files_of(folder: Path) -> list[Path]:
    """The files at any depth of a folder that can be graded, in the order of their paths.

    Links and files of the handout are left out, unless there is nothing else. Links to folders are not followed.

    Raises:
        UnreadableSubmission: there are more than `MOST_FILES` files.
        OSError: a folder in it cannot be opened.
    """
    every = []
    for count, path in enumerate(_walk(folder), start=1):
        if count > MOST_FILES:
            raise UnreadableSubmission(f"{shown(folder.name)}: it holds more than {MOST_FILES} files.")
        if can_be_graded(path):
            every.append(path)
    every = [path for path in every if not path.is_symlink()] or every
    own = [path for path in every if not _is_handout(path, folder)]
    return sorted(own or every)


def holds_submissions(folder: Path) -> bool:
    """Whether a folder holds, at any depth, a file that can be graded."""
    return any(map(can_be_graded, _walk(folder)))


def resolve(path: Path) -> Path:
    """The only file of a folder that can be graded stands for the folder; other paths stand for themselves."""
    if path.is_symlink() or not path.is_dir():
        return path
    try:
        files = files_of(path)
    except UnreadableSubmission:
        return path
    return files[0] if len(files) == 1 else path


def read_upload(path: Path) -> Upload:
    """Read the bytes of a file, or of the files in a folder that can be graded. Kinds and sizes are checked.

    Raises:
        UnreadableSubmission: with one line that names the file and what is wrong with it.
        OSError: it cannot be read here and now, which is no fault of the student.
    """
    path = resolve(Path(path))
    try:
        if path.is_dir() and not path.is_symlink():
            return Upload(path.name, _read_folder(path))
        return Upload(path.name, {path.name: _read_file(path)})
    except Refused as refused:
        raise UnreadableSubmission(f"{shown(path.name)}: {refused}") from None


def fingerprint(path: Path) -> str:
    """Return the SHA-256 of what was handed in; "" if it cannot be read.

    For a folder it is that of its only file that can be graded, or else of the paths and hashes of all of these.
    """
    path = resolve(Path(path))
    try:
        if path.is_file():
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        return _combine({with_slashes(str(file.relative_to(path))): fingerprint(file) for file in files_of(path)})
    except (OSError, UnreadableSubmission):
        return ""


def _combine(hashes: Mapping[str, str]) -> str:
    lines = "".join(f"{path}\0{sha256}\n" for path, sha256 in hashes.items())
    return hashlib.sha256(lines.encode(errors="surrogateescape")).hexdigest() if lines else ""


def _is_handout(path: Path, folder: Path) -> bool:
    inside = with_slashes(str(path.relative_to(folder)))
    if not has_handout_path(inside) or path.is_symlink():
        return has_handout_path(inside)
    with path.open("rb") as file:
        return is_handout(inside, file.read(handout.LARGEST))


def _walk(folder: Path) -> Iterator[Path]:
    for here, folders, files in os.walk(folder, onerror=_raise):
        folders[:] = [name for name in folders if not is_hidden(name)]
        for path in (Path(here, name) for name in files if not is_hidden(name)):
            if not is_empty_package(path.name, path.lstat().st_size):
                yield path


def _raise(error: OSError) -> None:
    raise error


def _read_folder(folder: Path) -> dict[str, bytes]:
    files = [path for path in files_of(folder) if not path.is_symlink()]
    if not files:
        raise Refused(f"it holds no notebook and no .py file: {KINDS}")
    found, left = {}, LARGEST_FILE
    for path in files:
        with path.open("rb") as file:
            data = file.read(left + 1)
        left -= len(data)
        if left < 0:
            raise Refused(too_large("what it holds"))
        found[with_slashes(str(path.relative_to(folder)))] = data
    return found


def _read_file(path: Path) -> bytes:
    # A link could refer to a file of the grader, or to another submission.
    if path.is_symlink():
        raise Refused("it is a link: hand in the file itself.")
    if not path.exists():
        raise Refused("there is no such file.")
    if not path.is_file():
        raise Refused("it is a folder or a device, not a file.")
    if not can_be_graded(path):
        raise Refused(KINDS)
    with path.open("rb") as file:
        data = file.read(LARGEST_FILE + 1)
    if not data:
        raise Refused("the file is empty (0 bytes): was it saved before it was handed in?")
    if len(data) > LARGEST_FILE:
        raise Refused(too_large("the file"))
    return data


def _is_code(path: Path) -> bool:
    try:
        if not path.is_file() or path.is_symlink():
            return False
        with path.open("rb") as file:
            text = file.read(LARGEST_FILE)
            return bool(_IN_CODE.search(text) or (_OBJECT.match(text) and _IN_JSON.search(text)))
    except OSError:
        return False
