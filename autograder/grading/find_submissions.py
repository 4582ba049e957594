"""Find submissions in files and folders."""

import os
from collections.abc import Iterable
from pathlib import Path

SUFFIXES = (".ipynb", ".py", ".zip")


class NothingToGrade(Exception):
    """No submission among the paths given; `str()` is one line for the TA."""


def find_submissions(paths: Iterable[Path]) -> tuple[dict[Path, Path], list[Path]]:
    """Return `(submissions, ignored)`: files as they are, folders searched for files that can be a submission.

    Each submission comes with the folder that was given, or with its own where the file was given itself.

    Raises:
        NothingToGrade: a path does not exist, or no submission was found.
    """
    found: dict[Path, Path] = {}
    ignored: list[Path] = []
    paths = list(paths)
    for path in paths:
        if not path.exists():
            raise NothingToGrade(f"{path}: no such file or folder")
        if path.is_file():
            continue
        for file in sorted(p for p in path.rglob("*") if p.is_file()):
            inside = file.relative_to(path).parts
            if not any(part.startswith((".", "__")) for part in inside):
                if file.suffix.lower() in SUFFIXES:
                    found[file] = path
                else:
                    ignored.append(file)
    found |= {path: path.parent for path in paths if path.is_file()}
    if not found:
        raise NothingToGrade(f"no {', '.join(SUFFIXES)} file in {', '.join(map(str, paths))}")
    once = {os.path.abspath(path): path for path in reversed(found)}
    return {path: found[path] for path in reversed(once.values())}, ignored
