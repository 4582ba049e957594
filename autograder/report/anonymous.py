"""A result that can be shown in class: nothing in it says whose it is, and no line of the student's code is in it.

Texts about a submission can hold anything that its student wrote: the name of a file before the number of a line, the
line itself, the text of an exception. So the anonymous result is a new one. Of the old one it takes numbers and words
of the grader, and every message passes through `_Anonymous`.
"""

import builtins
import re
from collections.abc import Iterable, Iterator
from dataclasses import fields, replace
from pathlib import PurePosixPath

from autograder.contract import REQUIRED
from autograder.course.identity import SUFFIXES
from autograder.grading.result import Result
from autograder.report.derived import is_usable
from autograder.student.message import NO_MESSAGE, Message
from autograder.submission.upload import with_slashes

INSTEAD = "the file"
SHORTEST = 3
"""Characters of a name that is replaced; shorter ones are words and numbers of the grader as well."""
_RAISED = re.compile(r"\braised (\w+)(?:\Z|:.*)", re.DOTALL)
_RAISES = re.compile(r"\braises: .*", re.DOTALL)
_BARE = re.compile(r"\A(\w+(?:Error|Exception)):.*", re.DOTALL)
_STUB = re.compile(r"\A(Not implemented yet):.*", re.DOTALL)
"""Texts that end with that of an exception, which the student may have written."""
_PLACE = re.compile(r"\S*, line \d|\bcell \d|\byour notebook, ")
"""Where the grader quotes the student's code."""


def without_names(grade: Result) -> Result:
    """The result without what says whose it is: names, files, hashes, and the student's own lines."""
    kept = is_usable(grade)  # otherwise the message names the file
    say = _Anonymous(grade)
    return Result.of(
        [replace(test, message=say.message(test.message) if kept else NO_MESSAGE) for test in grade.tests],
        submission="",
        sha256="",
        suite=grade.suite,
        status=grade.status,
        seconds=grade.seconds,
        isolation=grade.isolation,
        problems=(),
        grader=grade.grader,
        training=grade.training and grade.training.model_copy(update={"note": ""}),
        adjustment=grade.adjustment,
    )


class _Anonymous:
    """Leaves out of texts about a submission what its student wrote."""

    def __init__(self, grade: Result):
        words = {word.casefold() for test in grade.tests for word in re.findall(r"\w+", test.title)}
        words |= {name.casefold() for name in REQUIRED}
        names = {name for name in _names(grade) if len(name) >= SHORTEST and name.casefold() not in words}
        any_name = "|".join(re.escape(name) for name in sorted(names, key=lambda name: (-len(name), name)))
        self._names = re.compile(rf"(?<!\w)(?:{any_name})(?!\w)", re.IGNORECASE) if names else None

    def message(self, message: Message) -> Message:
        """The message without names and without lines of code."""
        parts = {field.name: self.text(getattr(message, field.name)) for field in fields(Message)}
        return Message(**parts | {"where": ""})

    def text(self, text: str) -> str:
        """The text without names, texts of exceptions, and lines that quote code."""
        if self._names is not None:
            text = self._names.sub(INSTEAD, text)
        text = _RAISED.sub(lambda found: f"raised {_kind(found[1])}", text)
        text = _BARE.sub(lambda found: _kind(found[1]), _RAISES.sub("raises an exception", text))
        text = _STUB.sub(r"\1", text)
        return "\n".join(filter(None, map(_before_place, text.split("\n"))))


def _kind(name: str) -> str:
    """What an exception is called; students can name classes of their own."""
    return name if hasattr(builtins, name) else "an exception"


def _before_place(line: str) -> str:
    """A line up to the place in the student's code that it names: from there on the code is quoted."""
    found = _PLACE.search(line)
    if found is None:
        return line
    before = line[: found.start()].rstrip().removesuffix(INSTEAD).rstrip()
    return before[:-1] if before.endswith(":") else ""


def _names(grade: Result) -> Iterator[str]:
    """All names that say whose the submission is: of files and folders, with and without suffix, and of students."""
    origin = grade.origin
    for student in origin.students:
        yield from (student.id, student.email, student.name, *re.findall(r"\w+", student.name))
    quoted = (name for note in (*grade.notes, *grade.problems) for name in re.findall(r"`([^`]+)`", note))
    files = [name for name in quoted if name.lower().endswith((*SUFFIXES, ".txt"))]
    yield from _of_paths((grade.submission, grade.file, grade.name, origin.key, origin.path, *files))
    yield from _of_paths((*origin.not_counted, *origin.undecided))


def _of_paths(paths: Iterable[str]) -> Iterator[str]:
    for path in map(with_slashes, paths):
        yield path
        for part in path.split("/"):
            yield part
            yield PurePosixPath(part).stem
