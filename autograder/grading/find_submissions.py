"""Find submissions in files and folders."""

import contextlib
import itertools
import os
import re
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from autograder.course.identity import in_utf8
from autograder.grading.results_folder import is_results_folder
from autograder.submission import UnreadableSubmission, resolve
from autograder.submission.beside import not_imported
from autograder.submission.handout import has_handout_path
from autograder.submission.read import LARGEST_FILE
from autograder.submission.upload import OF_A_PACKAGE, SUFFIXES, can_be_graded, files_of, is_hidden, with_slashes

_OF_ONE_STUDENT = re.compile(r"submission_\d+|.*_assignsubmission_(file|onlinetext)_?", re.IGNORECASE)
"""What Gradescope and Moodle call the folder of one student in an export."""
_COPY = re.compile(r"([-_ ]copy[ _]?\d*|[ _]?\(\d+\))+", re.IGNORECASE)
"""What Jupyter, browsers and file managers add to the name of a copy."""

MOST_WITH_MODULES = 50
"""Files of a folder that are read to see whether they import each other; more are those of many students."""


class NothingToGrade(Exception):
    """No submission among the paths given; `str()` is one line for the TA."""


def find_submissions(
    paths: Iterable[Path], folders: bool = False, known: Collection[tuple[str, ...]] = ()
) -> tuple[dict[Path, Path], list[Path]]:
    """Return `(submissions, ignored)`: files as they are; folders are searched at any depth.

    Each submission comes with the folder below which its path says whose it is: the one that was given, or the one
    above it where what was given is one submission.

    In a folder, each file that can be graded is a submission. A subfolder is one submission if its files belong to one
    student: Gradescope or Moodle made it, it is a copy of the handout, or its files lie together and have one name
    (suffixes and what is added to the name of a copy do not count; files of two subfolders are of two students; Python
    files that the others import do not count, where all files of the folder hang together so).

    Args:
        folders: each folder directly in a given one is one submission, unless it holds results.
        known: the paths of earlier results, as in `Known.submission`: a folder that was one submission still is.

    Raises:
        NothingToGrade: a path does not exist or cannot be opened, a file is no submission, or none was found.
    """
    try:
        return _find(list(paths), folders, known)
    except OSError as error:
        raise NothingToGrade(f"{error.filename}: cannot be opened: {error.strerror}") from None


def _find(paths: list[Path], folders: bool, known: Collection[tuple[str, ...]]) -> tuple[dict[Path, Path], list[Path]]:
    found: list[tuple[Path, Path]] = []
    ignored: list[Path] = []
    for path in paths:
        if not path.exists():
            raise NothingToGrade(f"{path}: no such file or folder")
    for path in sorted(paths, key=Path.is_file):  # of a file that is given twice, the folder says more
        if path.is_file():
            if not can_be_graded(path):
                raise NothingToGrade(f"{path}: is no submission: give a file of {', '.join(SUFFIXES)}")
            found.append((path, path.parent))
        elif _is_copy_of_handout(path) or _OF_ONE_STUDENT.fullmatch(path.resolve().name) or _is_known(path, known):
            found.append((resolve(path), Path(os.path.abspath(path)).parent))
        else:
            for file in _search(path, path, folders, known):
                is_folder = file.is_dir() and not file.is_symlink()
                if is_folder or (can_be_graded(file) and not _is_stray(file, path)):
                    found.append((file, path))
                else:
                    ignored.append(file)
    if not found:
        raise NothingToGrade(f"no {', '.join(SUFFIXES)} file in {', '.join(map(str, paths))}")
    once = {os.path.abspath(path): (path, root) for path, root in reversed(found)}
    return dict(reversed(once.values())), ignored


def _is_known(folder: Path, known: Collection[tuple[str, ...]]) -> bool:
    parts = tuple(map(in_utf8, Path(os.path.abspath(folder)).parts))
    return any(parts[start:] in known for start in range(len(parts)))


def _search(folder: Path, root: Path, folders: bool, known: Collection[tuple[str, ...]]) -> Iterator[Path]:
    """Yield files, and folders that are one submission."""
    visible = (path for path in folder.iterdir() if not is_hidden(path.name) and path.name not in OF_A_PACKAGE)
    for path in sorted(visible):
        if not path.is_dir() or path.is_symlink():
            yield path
        elif (
            (folders and folder == root and not is_results_folder(path))
            or _is_of_one_student(path)
            or _is_known(path, known)
        ):
            yield resolve(path)
        else:
            yield from _search(path, root, folders, known)


def _is_stray(file: Path, root: Path) -> bool:
    """Whether it is a file of the handout that somebody handed in beside others."""
    return file.parent != root and has_handout_path(with_slashes(str(file.relative_to(root))))


def _is_of_one_student(folder: Path) -> bool:
    if _OF_ONE_STUDENT.fullmatch(folder.name) or _is_copy_of_handout(folder):
        return True
    try:
        files = files_of(folder)
    except UnreadableSubmission:  # more files than one student has
        return False
    files = _without_modules(folder, files)
    places = sorted({path.parent for path in files}, key=lambda place: len(place.parts))
    together = places[:1] == [folder] and all(above in below.parents for above, below in itertools.pairwise(places))
    whole = [path for path in files if path.name not in OF_A_PACKAGE and not _is_stray(path, folder.parent)]
    return together and len({_COPY.sub("", path.stem).lower() for path in whole}) == 1


def _without_modules(folder: Path, files: list[Path]) -> list[Path]:
    """The files of a folder without those that others of them import, as `main.py` imports `blocks.py`.

    Of files that do not hang together so, which may be of many students, all.
    """
    if not 1 < len(files) <= MOST_WITH_MODULES or all(path.suffix.lower() != ".py" for path in files):
        return files
    paths = {with_slashes(str(path.relative_to(folder))): path for path in files}
    kept = not_imported({name: _bytes_of(path) for name, path in paths.items()})
    return [path for name, path in paths.items() if name in kept]


def _bytes_of(path: Path) -> bytes:
    """What a file holds; nothing of one that is a link, is too large to be graded, or cannot be read."""
    with contextlib.suppress(OSError):
        if path.is_file() and not path.is_symlink() and path.stat().st_size <= LARGEST_FILE:
            return path.read_bytes()
    return b""


def _is_copy_of_handout(folder: Path) -> bool:
    return os.path.isfile(folder / "autograder" / "contract.py")
