"""The results folder: one JSON file for each submission, and the key from which random draws are derived."""

import contextlib
import errno
import fnmatch
import glob
import json
import os
import secrets
import shutil
import socket
import tempfile
import time
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

from filelock import FileLock, Timeout

from autograder.contract import QUESTIONS, Problem
from autograder.course.corrections import FILE as CORRECTIONS
from autograder.course.handins import Handin, Known
from autograder.course.identity import FARTHEST_FOLDER
from autograder.course.origin import Origin
from autograder.course.roster import Roster, read_roster
from autograder.grading.provenance import code_version
from autograder.grading.result import Result, ResultError, read_result
from autograder.submission import fingerprint
from autograder.submission.atomic_write import atomic_write
from autograder.submission.sanitize import sanitize
from autograder.submission.upload import holds_submissions

KEY, ROSTER, SOURCES, LOGS, FEEDBACK = "grading.key", "roster.csv", ".grading.sources", "logs", "feedback"
REPORTS = ("grades.csv", "report.html")
_WRITTEN = {
    "": ("*.json", "grading*.key", CORRECTIONS, ROSTER, *REPORTS, "report-*.html"),
    FEEDBACK: ("*.html", "*.md"),
    LOGS: ("*.log",),
}
"""What the grader writes into a results folder, and into the folders there."""
CANNOT_WRITE = {
    *(errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO, errno.ESTALE),
    *(errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENOENT, errno.ENAMETOOLONG, errno.ELOOP),
}
LOCK, OWNER = ".grading.lock", ".grading.owner"
RESULT_BYTES = 50_000
"""Room that a result takes, with its part of the reports; most take less."""


class ResultsFolderProblem(Problem):
    """Results cannot be written; `str()` is one line for the TA."""


@contextlib.contextmanager
def claim(folder: Path) -> Iterator[None]:
    """Be the only grader that writes into `folder`, which is made if it is not there.

    Unfinished files of a grader that was killed are removed, and so is a new folder that nothing was written into.

    Raises:
        ResultsFolderProblem: another one writes there, or nobody can.
    """
    is_new = not folder.exists()
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        said = f"{folder}: this folder cannot be made ({error.strerror}): choose another one with --out"
        raise ResultsFolderProblem(said) from None
    try:
        with FileLock(folder / LOCK, timeout=0):
            (folder / OWNER).write_text(f"process {os.getpid()} on {socket.gethostname()}, since {time.ctime()}\n")
            for scrap in folder.glob(".*.tmp"):
                scrap.unlink(missing_ok=True)
            try:
                yield
            except BaseException:
                if is_new and not {path.name for path in folder.glob("*")} - {LOCK, OWNER, SOURCES, ROSTER}:
                    shutil.rmtree(folder, ignore_errors=True)
                raise
    except Timeout:
        with contextlib.suppress(OSError):
            owner = (folder / OWNER).read_text().strip()
            raise ResultsFolderProblem(f"{folder}: another grader writes there: {owner}") from None
        raise ResultsFolderProblem(f"{folder}: another grader writes there") from None
    except OSError as error:
        if error.errno not in CANNOT_WRITE:
            raise
        raise ResultsFolderProblem(
            f"{error.filename or folder}: cannot be read or written: {error.strerror}. What was written is kept: run "
            "the same command again when that is fixed"
        ) from None


def require_room(folder: Path, results: Iterable[Path], missing: int) -> None:
    """Check that results can be written, before submissions are graded for hours.

    Args:
        results: the files that will be in it.
        missing: how many of them are to be made.

    Raises:
        ResultsFolderProblem: there is a folder in the place of a file.
        OSError: there is no room for the results.
    """
    for path in (*results, *(folder / name for name in (KEY, *REPORTS))):
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
    """The secret of a results folder, made where there is none: students cannot predict what is drawn.

    It stays with the results, so that a later run gives the same scores, see `autograder.grading.seeds`.
    """
    path = folder / KEY
    if not path.exists():
        atomic_write(path, secrets.token_hex(32) + "\n", mode=0o600, keep_existing=True)
    return path.read_bytes()


def keep_roster(folder: Path, roster: Path) -> None:
    """Keep a copy of the roster with the results: later calls and reports use it."""
    if roster.resolve() != (folder / ROSTER).resolve():
        atomic_write(folder / ROSTER, roster.read_bytes())


def kept_roster(folder: Path) -> Roster | None:
    """The roster that was given to an earlier call; None where there is none.

    Raises:
        RosterProblem: it cannot be used.
    """
    path = folder / ROSTER
    return read_roster(path) if path.exists() else None


def keep_log(folder: Path, name: str, text: str) -> Path:
    """Keep what is known about a failure of the grader, in `logs/<name>.log`; without a text, remove what was kept."""
    path = folder / LOGS / f"{name}.log"
    if text:
        path.parent.mkdir(exist_ok=True)
        atomic_write(path, sanitize(text))
    else:
        path.unlink(missing_ok=True)
    return path


def keep_sources(folder: Path, given: Iterable[Path]) -> None:
    """Remember which folders were graded, so that `regrade` finds a submission."""
    known = _read_sources(folder)
    new = [os.path.abspath(path if path.is_dir() else path.parent) for path in given]
    if set(new) - set(known):
        lines = "".join(f"{path}\n" for path in dict.fromkeys([*known, *new]))
        atomic_write(folder / SOURCES, os.fsencode(lines))


def find_submission(folder: Path, origin: Origin, sha256: str, sources: Iterable[Path] = ()) -> Path | None:
    """The file that a result was made from, in the folders that were graded or in `sources`.

    Returns None if it is gone, or if what lies there is not the file of this SHA-256.
    """
    if not origin.path:
        return None
    given = [Path(os.path.abspath(path)) for path in sources]
    for root in given or map(Path, reversed(_read_sources(folder))):
        for path in _places(root, origin.path):
            if fingerprint(path) == sha256:
                return path
    return None


def find_where_it_was(folder: Path, path: str, sha256: str) -> Path | None:
    """The file of this path that a result was made from, where it lay then; None if it is gone or changed."""
    places = (place for root in reversed(_read_sources(folder)) for place in _places_above(Path(root), path) if path)
    return next((place for place in places if fingerprint(place) == sha256), None)


def _places_above(root: Path, path: str) -> Iterator[Path]:
    """Where a file of this path lies below `root` or a folder above it."""
    for base in (root, *root.parents[:FARTHEST_FOLDER]):
        if (base / path).exists():
            yield base / path


def _places(root: Path, path: str) -> Iterator[Path]:
    """Where a file of this path lies: below `root` or a folder above it, or deeper in it."""
    yield from _places_above(root, path)
    parts = tuple(path.split("/"))
    yield from (found for found in root.rglob(glob.escape(parts[-1])) if found.parts[-len(parts) :] == parts)


def _read_sources(folder: Path) -> list[str]:
    with contextlib.suppress(OSError):
        return os.fsdecode((folder / SOURCES).read_bytes()).split("\n")[:-1]
    return []


def known_results(folder: Path) -> list[Known]:
    """What the results that are there say about their files, whatever version of the grader wrote them."""
    known = []
    for path in result_files(folder):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError):
            result = json.loads(path.read_bytes())
            origin, sha256 = result["origin"], result["sha256"]
            key, where = origin["key"], origin["path"]
            beside = [tuple(map(str, origin.get(name, ()))) for name in ("not_counted", "undecided")]
            folder, file = tuple(filter(None, origin.get("folder", "").split("/"))), str(result.get("file", ""))
            if type(key) is type(sha256) is str:
                known.append(Known(key, tuple(where.split("/")), sha256, *beside, folder, file))
    return known


def result_files(folder: Path) -> list[Path]:
    """The result files of a folder; what begins with a point is a system's own."""
    return sorted(path for path in folder.glob("*.json") if not path.name.startswith("."))


def is_results_folder(folder: Path) -> bool:
    """Whether it is a results folder or one in it, and nothing else: students' folders can hold files of any name."""
    results = folder.parent if folder.name in (FEEDBACK, LOGS) else folder
    return any((place / KEY).is_file() for place in (folder, results)) and not holds_submissions(folder)


def is_of_results(path: Path) -> bool:
    """Whether a file is one that the grader wrote into a results folder, by its place and name."""
    inside = path.parent.name if path.parent.name in (FEEDBACK, LOGS) else ""
    folder = path.parent.parent if inside else path.parent
    return (folder / KEY).is_file() and any(fnmatch.fnmatchcase(path.name, name) for name in _WRITTEN[inside])


def key_files(folder: Path) -> list[Path]:
    """The keys of a folder, its own before those that `merge` brought."""
    return sorted(folder.glob("grading*.key"), key=lambda path: (path.name != KEY, path.name))


def load_result(path: Path, submission: Path) -> Result | None:
    """The result in a file; None where there is none of this submission, and of this code (`provenance.DECIDES`)."""
    try:
        result = read_result(path)
    except (OSError, ResultError):
        return None
    same = result.sha256 == fingerprint(submission) and result.grader.code == code_version()
    return result if same else None


def usable_result(path: Path, handin: Handin) -> Result | None:
    """As `load_result`; None also where another file of the student counted then, or none did."""
    result = load_result(path, handin.file)
    return result if result is not None and result.origin.undecided == handin.origin.undecided else None


def find_missing(
    result: Result | None, only: Collection[str] | None, thresholds: Collection[float] | None, force: bool = False
) -> set[str]:
    """The questions that are still to be judged.

    Args:
        thresholds: the accuracies that networks had to reach here; None where nothing is trained. Deferred questions
            are judged otherwise, and question 4 where it was judged by another threshold.
        force: judge everything that is asked for.
    """
    wanted = set(QUESTIONS if only is None else only)
    if result is None or force:
        return wanted
    open_again: set[str] = set()
    if thresholds is not None:
        open_again = {test.question for test in result.tests if test.outcome == "deferred"}
        if result.training is not None and result.training.threshold not in thresholds:
            open_again.add("q4")
    return wanted - (result.questions.keys() - open_again)
