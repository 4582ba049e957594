"""Find submissions in files and folders, and name their result files."""

import hashlib
import os
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from autograder.submission import UnreadableSubmission, resolve
from autograder.submission.upload import SUFFIXES, can_be_graded, files_of, is_handout, is_hidden

LONGEST_NAME = 200
_OF_ONE_STUDENT = re.compile(r"submission_\d+|.*_assignsubmission_(file|onlinetext)_?", re.IGNORECASE)
"""What Gradescope and Moodle call the folder of one student in an export."""
_COPY = re.compile(r"([-_ ]copy[ _]?\d*|[ _]?\(\d+\))+", re.IGNORECASE)
"""What Jupyter, browsers and file managers add to the name of a copy."""


class NothingToGrade(Exception):
    """No submission among the paths given; `str()` is one line for the TA."""


def find_submissions(paths: Iterable[Path], folders: bool = False) -> tuple[list[Path], list[Path]]:
    """Return `(submissions, ignored)`: files as they are; folders are searched at any depth.

    In a folder, each file that can be graded is a submission. A subfolder is one submission if its files belong to one
    student: Gradescope or Moodle made it, it is a copy of the handout, or its files have one name (suffixes and what is
    added to the name of a copy do not count).

    Args:
        folders: each folder directly in a given one is one submission.

    Raises:
        NothingToGrade: a path does not exist or cannot be opened, or no submission was found.
    """
    try:
        return _find(paths, folders)
    except OSError as error:
        raise NothingToGrade(f"{error.filename}: cannot be opened: {error.strerror}") from None


def _find(paths: Iterable[Path], folders: bool) -> tuple[list[Path], list[Path]]:
    found: list[Path] = []
    ignored: list[Path] = []
    for path in paths:
        if not path.exists():
            raise NothingToGrade(f"{path}: no such file or folder")
        if path.is_file():
            found.append(path)
        elif _is_copy_of_handout(path):
            found.append(resolve(path))
        else:
            for file in _search(path, path, folders):
                is_one = file.is_dir() or (can_be_graded(file) and not _is_stray(file, path))
                (found if is_one else ignored).append(file)
    if not found:
        raise NothingToGrade(f"no {', '.join(SUFFIXES)} file in {', '.join(map(str, paths))}")
    return list({os.path.abspath(path): path for path in reversed(found)}.values())[::-1], ignored


def _search(folder: Path, root: Path, folders: bool) -> Iterator[Path]:
    """Yield files, and folders that are one submission."""
    for path in sorted(path for path in folder.iterdir() if not is_hidden(path.name)):
        if path.is_file():
            yield path
        elif path.is_dir() and not path.is_symlink():
            if (folders and folder == root) or _is_of_one_student(path):
                yield resolve(path)
            else:
                yield from _search(path, root, folders)


def _is_stray(file: Path, root: Path) -> bool:
    """Whether it is a file of the handout that somebody handed in beside others."""
    return file.parent != root and is_handout(str(file.relative_to(root)))


def _is_of_one_student(folder: Path) -> bool:
    if _OF_ONE_STUDENT.fullmatch(folder.name) or _is_copy_of_handout(folder):
        return True
    try:
        files = files_of(folder)
    except UnreadableSubmission:  # more files than one student has
        return False
    return len({_COPY.sub("", path.stem).lower() for path in files}) == 1


def _is_copy_of_handout(folder: Path) -> bool:
    return (folder / "autograder" / "contract.py").is_file()


def result_names(submissions: Collection[Path]) -> dict[Path, str]:
    """A distinct `<name>.json` for each submission: its stem, or as much of its path as it takes.

    A name has at most `LONGEST_NAME` bytes before its suffix; file systems allow 255 in all.
    """
    names: dict[Path, str] = {}
    attempts = [lambda p: p.stem, lambda p: p.name]
    attempts += [lambda p, n=n: "__".join(p.relative_to(p.anchor).parts[-n:]) for n in range(2, 6)]
    for attempt in (*attempts, _long):
        left = [path for path in submissions if path not in names]
        wanted = [attempt(path) for path in left]
        taken = {name.lower() for name in names.values()}
        for path, name in zip(left, wanted, strict=True):
            same = sum(other.lower() == name.lower() for other in wanted)
            if same == 1 and f"{name}.json".lower() not in taken and len(os.fsencode(name)) <= LONGEST_NAME:
                names[path] = f"{name}.json"
    return {path: names[path] for path in submissions}


def _long(path: Path) -> str:
    digest = hashlib.sha256(os.fsencode(os.path.abspath(path))).hexdigest()[:12]
    return f"{os.fsencode(path.stem)[: LONGEST_NAME - 13].decode(errors='ignore')}-{digest}"
