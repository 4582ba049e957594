"""Files of one name in two folders, graded by two commands into one results folder: of one student, or of two?

The key of a file does not depend on where its folder lies. So `section2/al.py` would replace the result of
`section1/al.py`. Where the platform or the roster says whose a file is, it is known that both are of one student.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from autograder.course.handins import Handin, Known
from autograder.grading.results_folder import ResultsFolderProblem, find_where_it_was
from autograder.submission import fingerprint

NAMED = 3
"""Files that a line names."""


def require_no_namesakes(submissions: Iterable[Handin], known: Iterable[Known], out: Path) -> None:
    """Check that no result in `out`, of those that are `known`, would be replaced by one of perhaps another student.

    It may be if nothing says who handed it in, and the file of the result still lies unchanged in another folder.

    Raises:
        ResultsFolderProblem: one line names the files, and says what to do.
    """
    results = {one.key.casefold(): one for one in known}
    pairs = [(one, _other_file(one, results.get(one.origin.key.casefold()), out)) for one in submissions]
    found = [(one, before) for one, before in pairs if before is not None]
    if found:
        named = "; ".join(f"{one.name}: {before}, and now {one.file}" for one, before in found[:NAMED])
        folders = sorted({str(before.parent) for _, before in found})
        raise ResultsFolderProblem(
            f"nothing was graded: {out} has results of other files with the same names ({named}"
            f"{'; ...' * (len(found) > NAMED)}). If they are of other students, choose another --out, or grade the "
            f"folder above both in one command. If a student handed in again, move the earlier file out of "
            f"{folders[0]}, or add --force"
        )


def _other_file(one: Handin, before: Known | None, out: Path) -> Path | None:
    """The file of the earlier result, if it may be another student's."""
    if before is None or one.origin.students or before.sha256 == fingerprint(one.file):
        return None
    path = "/".join(before.path)
    file = find_where_it_was(out, path, before.sha256)
    return file if file is not None and _base(file, path) != _base(one.file, one.origin.path) else None


def _base(file: Path, path: str) -> Path:
    """The folder below which a file has this path."""
    return Path(os.path.abspath(file)).parents[path.count("/")]
