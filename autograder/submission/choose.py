"""Choose the file to grade among those that one student handed in, in a zip or in a folder.

The file that defines most of the required names is graded; a stub that raises `NotImplementedError` counts less. If
several define equally many, in different ways, it is the one that has the name of the handout's notebook. If there is
none, nothing is graded, and the message names them.
"""

import ast
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from autograder.contract import REQUIRED
from autograder.submission.archive import Archive
from autograder.submission.read import Cell, Refused, Submission, UnreadableSubmission, read_cells, shown
from autograder.submission.sanitize import utf8
from autograder.submission.slice import Slice, slice_submission
from autograder.submission.upload import KINDS, Upload, is_handout

HANDOUT_NAME = "resnet.ipynb"
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
        rank: how many of the required names it defines, without and with stubs.
        meaning: equal for files that define the names in the same way.
    """

    path: str
    code: tuple[tuple[Cell, ...], tuple[Cell, ...]] | None = None
    problem: str = ""
    rank: tuple[int, int] = (0, 0)
    meaning: object = None


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
    return Submission(upload.name, *chosen.code, file, note)


def _candidates(files: _Files, depth: int = 1) -> list[_Candidate]:
    """The files with code. Zips among them are opened only if no other file defines a required name."""
    code = [path for path in files if _suffix(path) in CODE]
    code = [path for path in code if not is_handout(path)] or code
    found = [_read(path, files[path]) for path in code]
    if len(files) > 1 or (code and _suffix(code[0]) == ".txt"):
        ranked = [_rank(candidate) for candidate in found]
        found = [one for one in ranked if one.rank > (0, 0) or _suffix(one.path) != ".txt"]
    if depth > _MOST_NESTED or any(candidate.rank > (0, 0) for candidate in found):
        return found
    for path in (path for path in files if _suffix(path) == ".zip"):
        try:
            archive = Archive(files[path]())
        except Refused as refused:
            found.append(_Candidate(path, problem=str(refused), meaning=path))
        else:
            found += _candidates({f"{path}/{member}": partial(archive.read, member) for member in archive}, depth + 1)
    return found


def _read(path: str, read: Callable[[], bytes]) -> _Candidate:
    try:
        return _Candidate(path, read_cells(path, read()))
    except Refused as refused:
        return _Candidate(path, problem=str(refused), meaning=path)


def _rank(candidate: _Candidate) -> _Candidate:
    if candidate.code is None:
        return candidate
    try:
        slice_ = slice_submission(Submission(candidate.path, *candidate.code))
    except UnreadableSubmission:
        return replace(candidate, meaning=candidate.path)
    defined = len(REQUIRED) - len(slice_.missing)
    meaning = [ast.dump(node) for _, node in slice_.nodes] if defined else candidate.code
    return replace(candidate, rank=(defined - _count_stubs(slice_), defined), meaning=meaning)


def _count_stubs(slice_: Slice) -> int:
    last = {getattr(node, "name", ""): node for _, node in slice_.nodes}
    return sum(_is_stub(last[name]) for name in REQUIRED if name in last)


def _is_stub(node: ast.stmt) -> bool:
    raised = [inner.exc for inner in ast.walk(node) if isinstance(inner, ast.Raise)]
    raised = [value.func if isinstance(value, ast.Call) else value for value in raised]
    return any(isinstance(value, ast.Name) and value.id == "NotImplementedError" for value in raised)


def _choose(found: Sequence[_Candidate]) -> tuple[_Candidate, str]:
    """Return the file to grade, and a line about those that are not."""
    if not found:
        raise Refused(f"holds no notebook and no .py file: {KINDS}")
    best = max(candidate.rank for candidate in found)
    first, *rest = sorted((candidate for candidate in found if candidate.rank == best), key=_preference)
    if best == (0, 0):
        rest = [candidate for candidate in rest if _suffix(candidate.path) == _suffix(first.path)]
    tied = [candidate for candidate in rest if candidate.meaning != first.meaning]
    if tied and (not _has_handout_name(first) or any(map(_has_handout_name, tied))):
        which = "define the same names, but not in the same way" if best > (0, 0) else "define none of the names"
        raise Refused(f"{_listed([first, *tied])} {which}: hand in one of them.")
    unused = [one for one in found if one.rank > (0, 0) and one.meaning != first.meaning]
    return first, f"`{shown(first.path)}` is graded, and not {_listed(unused)}." if unused else ""


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
