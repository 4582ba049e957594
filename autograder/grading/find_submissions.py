"""Find submissions in files and folders, and name their result files."""

import hashlib
import os
from collections.abc import Collection, Iterable
from pathlib import Path

SUFFIXES = (".ipynb", ".py", ".zip")
LONGEST_NAME = 200


class NothingToGrade(Exception):
    """No submission among the paths given; `str()` is one line for the TA."""


def find_submissions(paths: Iterable[Path]) -> tuple[list[Path], list[Path]]:
    """Return `(submissions, ignored)`: files as they are, folders searched for files that can be a submission.

    Raises:
        NothingToGrade: a path does not exist, or no submission was found.
    """
    found: list[Path] = []
    ignored: list[Path] = []
    for path in paths:
        if not path.exists():
            raise NothingToGrade(f"{path}: no such file or folder")
        if path.is_file():
            found.append(path)
            continue
        for file in sorted(p for p in path.rglob("*") if p.is_file()):
            inside = file.relative_to(path).parts
            if not any(part.startswith((".", "__")) for part in inside):
                (found if file.suffix.lower() in SUFFIXES else ignored).append(file)
    if not found:
        raise NothingToGrade(f"no {', '.join(SUFFIXES)} file in {', '.join(map(str, paths))}")
    return list({os.path.abspath(path): path for path in reversed(found)}.values())[::-1], ignored


def result_names(submissions: Collection[Path]) -> dict[Path, str]:
    """A distinct `<name>.json` for each submission: its stem, or as much of its path as it takes.

    A name has at most `LONGEST_NAME` bytes before its suffix; file systems allow 255 in all.
    """
    names: dict[Path, str] = {}
    for attempt in (
        lambda p: p.stem,
        lambda p: p.name,
        lambda p: "__".join(p.parts[-2:]),
        lambda p: _long(p),
    ):
        left = [path for path in submissions if path not in names]
        wanted = [attempt(path) for path in left]
        taken = {name.lower() for name in names.values()}
        for path, name in zip(left, wanted, strict=True):
            same = sum(other.lower() == name.lower() for other in wanted)
            if same == 1 and f"{name}.json".lower() not in taken and len(name.encode()) <= LONGEST_NAME:
                names[path] = f"{name}.json"
    return {path: names[path] for path in submissions}


def _long(path: Path) -> str:
    digest = hashlib.sha256(os.path.abspath(path).encode()).hexdigest()[:12]
    return f"{path.stem.encode()[: LONGEST_NAME - 13].decode(errors='ignore')}-{digest}"
