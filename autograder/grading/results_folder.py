"""The results folder: one JSON file for each submission, and the key from which random draws are derived."""

import contextlib
import errno
import os
import secrets
import socket
import tempfile
import time
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from autograder.contract import QUESTIONS
from autograder.grading.result import Result, ResultError, read_result
from autograder.grading.seeds import suite_version
from autograder.submission import fingerprint
from autograder.submission.atomic_write import atomic_write

KEY = "grading.key"
REPORTS = ("grades.csv", "report.html")
CANNOT_WRITE = (
    errno.EACCES,
    errno.EPERM,
    errno.EROFS,
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EISDIR,
    errno.ENOTDIR,
    errno.EEXIST,
)
LOCK, OWNER = ".grading.lock", ".grading.owner"
RESULT_BYTES = 50_000
"""Room that a result takes, with its part of the reports; most take less."""


class ResultsFolderProblem(Exception):
    """Results cannot be written; `str()` is one line for the TA."""


@contextlib.contextmanager
def claim(folder: Path) -> Iterator[None]:
    """Be the only grader that writes into `folder`, which is made if it is not there.

    Unfinished files of a grader that was killed are removed.

    Raises:
        ResultsFolderProblem: another one writes there, or nobody can.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / LOCK, timeout=0):
            (folder / OWNER).write_text(f"process {os.getpid()} on {socket.gethostname()}, since {time.ctime()}\n")
            for scrap in folder.glob(".*.tmp"):
                scrap.unlink(missing_ok=True)
            yield
    except Timeout:
        with contextlib.suppress(OSError):
            owner = (folder / OWNER).read_text().strip()
            raise ResultsFolderProblem(f"{folder}: another grader writes there: {owner}") from None
        raise ResultsFolderProblem(f"{folder}: another grader writes there") from None
    except OSError as error:
        if error.errno not in CANNOT_WRITE:
            raise
        raise ResultsFolderProblem(
            f"{error.filename or folder}: cannot be written: {error.strerror}. What was written is kept: run the same "
            "command again when that is mended"
        ) from None


def require_room(folder: Path, names: Iterable[str], missing: int) -> None:
    """Check that results can be written, before submissions are graded for hours.

    Args:
        names: of the files to be written.
        missing: how many results there will be.

    Raises:
        ResultsFolderProblem: there is a folder in the place of a file.
        OSError: there is no room for the results.
    """
    for path in (folder / name for name in (*names, KEY, *REPORTS)):
        if path.is_dir():
            raise ResultsFolderProblem(f"{path}: is a folder, and a file has to be written there: move it away")
    if missing and hasattr(os, "posix_fallocate"):
        with tempfile.TemporaryFile(dir=folder) as file:
            try:
                os.posix_fallocate(file.fileno(), 0, missing * RESULT_BYTES)
            except OSError as error:
                if error.errno in CANNOT_WRITE:  # not: a file system that cannot reserve room
                    raise


def grading_key(folder: Path) -> bytes:
    """The secret of a results folder, made with its first result: students cannot predict what is drawn.

    It stays with the results, so that a later run gives the same scores, see `autograder.grading.seeds`.
    """
    path = folder / KEY
    if not path.exists():
        atomic_write(path, secrets.token_hex(32) + "\n", mode=0o600, keep_existing=True)
    return path.read_bytes()


def load_result(path: Path, submission: Path) -> Result | None:
    """The result in a file; None where there is none of this submission, these tests and this version of the grader."""
    try:
        result = read_result(path)
    except (OSError, ResultError):
        return None
    same = result.sha256 == fingerprint(submission) and result.suite == suite_version()
    return result if same else None


def find_missing(result: Result | None, only: Collection[str] | None, trains: bool) -> set[str]:
    """The questions that are still to be judged; with `trains`, deferred ones too."""
    wanted = set(QUESTIONS if only is None else only)
    if result is None:
        return wanted
    deferred = {test.question for test in result.tests if test.outcome == "deferred"}
    return wanted - (result.questions.keys() - (deferred if trains else set()))
