"""Choose the file to grade among those that one student handed in, in a zip or in a folder.

The file that defines most of the required names is graded; a stub that raises `NotImplementedError` counts less. If
several define equally many, in different ways, a file counts before one in a zip, and the later export before the
earlier one; then it is the one that has the name of the handout's notebook. If there is none, nothing is graded, and
the message names them.
"""

import contextlib
import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from autograder.contract import REQUIRED
from autograder.submission.archive import Archive
from autograder.submission.beside import with_imported_files
from autograder.submission.content import NOTHING, Content, content_of
from autograder.submission.exported import split_exported
from autograder.submission.handout import has_handout_path, is_handout
from autograder.submission.read import Cell, Refused, Submission, UnreadableSubmission, read_cells, shown
from autograder.submission.sanitize import utf8
from autograder.submission.slice import slice_submission
from autograder.submission.upload import KINDS, Upload

HANDOUT_NAME = "resnet.ipynb"
HAND_IN_ONE = "hand in one of them."
"""The end of what is said where none of several files is chosen."""
CODE = (".ipynb", ".py", ".txt")
"""Suffixes of files with code. If nothing else decides, a notebook comes before a script."""
_MOST_NESTED = 2
"""A zip within a zip is opened, but none within that."""

_Files = Mapping[str, Callable[[], bytes]]
"""Maps the path of each file to a function that reads it."""


@dataclass(frozen=True)
class _Candidate:
    """A file that can be graded.

    Args:
        code: its cells, and its cells of text; None if it cannot be read.
        problem: why it cannot be read.
        imported: the cells of the files beside it that its code imports, by path.
        content: what it defines, with what it imports; nothing until that is looked at.
        names: the required names that it defines, stubs included.
        zips: the names of the zips that it lies in, within what was handed in.
        is_closed: it is a zip that was not opened, because of a file beside it that defines everything.
    """

    path: str
    code: tuple[tuple[Cell, ...], tuple[Cell, ...]] | None = None
    problem: str = ""
    imported: Mapping[str, list[Cell]] = field(default_factory=dict)
    content: Content = NOTHING
    names: tuple[str, ...] = ()
    zips: tuple[str, ...] = ()
    is_closed: bool = False

    @property
    def rank(self) -> tuple[int, int]:
        """How much it defines."""
        return self.content.rank

    @property
    def meaning(self) -> object:
        """Equal for files of which it does not matter which is graded."""
        return self.content.meaning or self.code or self.path

    @property
    def cells(self) -> tuple[Cell, ...]:
        """Its code, after that of the files that it imports."""
        return (*itertools.chain.from_iterable(self.imported.values()), *self.code[0])


def parse_upload(upload: Upload) -> Submission:
    """Read the code cells of the file to grade.

    Raises:
        UnreadableSubmission: with one line that names what was handed in, and says what is wrong with it.
    """
    files: _Files = {path: partial(upload.files.__getitem__, path) for path in upload.files}
    try:
        if [*files] == [upload.name] and _suffix(upload.name) == ".zip":
            archive = Archive(files[upload.name]())
            files = {path: partial(archive.read, path) for path in archive}
        chosen, note = _choose(_candidates(files))
        file = "" if chosen.path == upload.name else utf8(chosen.path)
        if chosen.code is None:
            raise Refused(f"`{shown(file)}`: {chosen.problem}" if file else chosen.problem)
    except Refused as refused:
        raise UnreadableSubmission(f"{shown(upload.name)}: {refused}") from None
    return Submission(upload.name, chosen.cells, chosen.code[1], file, note)


def _candidates(files: _Files, zips: tuple[str, ...] = ()) -> list[_Candidate]:
    """The files with code. Zips among them are opened only if no other file defines all required names."""
    code = [path for path in files if _suffix(path) in CODE]
    helpers = [path for path in code if has_handout_path(path)]
    code = [path for path in code if path not in helpers] or code
    found = [_read(path, files[path], zips) for path in code]
    if len(files) > 1 or zips or (code and _suffix(code[0]) == ".txt"):
        scripts = {one.path: one.code[0] for one in found if one.code and one.path.endswith((".py", ".ipynb"))}
        scripts |= _own_helpers({path: files[path] for path in helpers})
        ranked = [_look_at(candidate, scripts) for candidate in found]
        found = [one for one in ranked if one.rank > (0, 0) or _suffix(one.path) != ".txt"]
    if len(zips) >= _MOST_NESTED:
        return found
    is_complete = any(candidate.content.is_complete for candidate in found)
    for path in (path for path in files if _suffix(path) == ".zip"):
        if is_complete:
            found.append(_Candidate(path, zips=zips, is_closed=True))
            continue
        try:
            archive = Archive(files[path]())
        except Refused as refused:
            found.append(_Candidate(path, problem=str(refused), zips=zips))
        else:
            members = {f"{path}/{member}": partial(archive.read, member) for member in archive}
            found += _candidates(members, (*zips, path.rpartition("/")[2]))
    return found


def _read(path: str, read: Callable[[], bytes], zips: tuple[str, ...]) -> _Candidate:
    try:
        return _Candidate(path, read_cells(path, read()), zips=zips)
    except Refused as refused:
        return _Candidate(path, problem=str(refused), zips=zips)


def _own_helpers(files: _Files) -> dict[str, tuple[Cell, ...]]:
    """The code of those files that have the name of a file of the handout, but are the student's.

    A submission can import them; none of them is the file to grade.
    """
    found = {}
    for path, read in files.items():
        with contextlib.suppress(Refused):
            if not is_handout(path, data := read()):
                found[path] = read_cells(path, data)[0]
    return found


def _look_at(candidate: _Candidate, scripts: Mapping[str, Sequence[Cell]]) -> _Candidate:
    if candidate.code is None:
        return candidate
    code, imported = with_imported_files(candidate.path, candidate.code[0], scripts)
    whole = replace(candidate, code=(code, candidate.code[1]), imported=imported)
    try:
        slice_ = slice_submission(Submission(candidate.path, whole.cells))
        names = tuple(name for name in REQUIRED if name not in slice_.missing)
        return replace(whole, content=content_of(slice_), names=names)
    except UnreadableSubmission:
        return candidate


def _choose(found: Sequence[_Candidate]) -> tuple[_Candidate, str]:
    """Return the file to grade, and a line about those that are not."""
    readable = [candidate for candidate in found if not candidate.is_closed]
    if not readable:
        raise Refused(f"it holds no notebook and no .py file: {KINDS}")
    best = max(candidate.rank for candidate in readable)
    equal = _not_imported(_latest([candidate for candidate in readable if candidate.rank == best]))
    first, *rest = sorted(equal, key=_preference)
    if best == (0, 0):
        rest = [candidate for candidate in rest if _suffix(candidate.path) == _suffix(first.path)]
    tied = [candidate for candidate in rest if candidate.meaning != first.meaning]
    if tied and (not _has_handout_name(first) or any(map(_has_handout_name, tied))):
        common = _not_imported([one for one in readable if one.rank == best and _is_imported_by_all(one, equal)])
        if len(common) != 1:
            raise Refused(_why_tied([first, *tied]))
        [first] = common
    others = [one for one in found if one.path not in first.imported and one.meaning != first.meaning]
    unused = [one for one in others if one.is_closed or one.rank > (0, 0)]
    return first, f"`{shown(first.path)}` is graded, and not {_listed(unused)}." if unused else ""


def _why_tied(tied: Sequence[_Candidate]) -> str:
    """What files that define equally many names have in common, and what to do."""
    if not tied[0].names:
        return f"{_listed(tied)} define none of the names: {HAND_IN_ONE}"
    if len({one.names for one in tied}) == 1:
        return f"{_listed(tied)} define the same names, but not in the same way: {HAND_IN_ONE}"
    each = (f"`{shown(one.path)}` defines {' and '.join(f'`{name}`' for name in one.names)}" for one in tied[:5])
    return f"{', '.join(each)}: one file is graded, with what it imports. Put the four definitions into one notebook."


def _not_imported(equal: list[_Candidate]) -> list[_Candidate]:
    """Those that no other one imports; all where each is imported by one."""
    imported = {path for one in equal for path in one.imported}
    return [one for one in equal if one.path not in imported] or equal


def _is_imported_by_all(one: _Candidate, others: Sequence[_Candidate]) -> bool:
    """Whether others only use what a file defines, as `train.py` and `test.py` do of `net.py`."""
    return all(one.path in other.imported for other in others)


def _latest(equal: list[_Candidate]) -> list[_Candidate]:
    """Of files that define equally much those that count: not in a zip, else in that of the last export."""
    equal = [one for one in equal if len(one.zips) == min(len(other.zips) for other in equal)]
    times = [_exported(one) for one in equal]
    return [one for one, time in zip(equal, times, strict=True) if time == max(times)] if all(times) else equal


def _exported(candidate: _Candidate) -> str:
    """When the zip that it lies in was exported from the notebook; "" if that is not known."""
    times = (split_exported(name[: -len(".zip")])[1] for name in candidate.zips)
    return next(filter(None, times), "")


def _preference(candidate: _Candidate) -> tuple:
    path = candidate.path
    kind = CODE.index(_suffix(path)) if _suffix(path) in CODE else len(CODE)
    return not _has_handout_name(candidate), kind, path.count("/"), path


def _has_handout_name(candidate: _Candidate) -> bool:
    return candidate.path.rpartition("/")[2].lower() == HANDOUT_NAME


def _listed(candidates: Sequence[_Candidate]) -> str:
    return " and ".join(f"`{shown(candidate.path)}`" for candidate in candidates[:5])


def _suffix(path: str) -> str:
    return f".{path.rpartition('.')[2].lower()}"
