"""The students of a course, from a CSV file: an export of Canvas, Moodle or Gradescope, or a table of one's own."""

import csv
import functools
import io
import itertools
import unicodedata
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from autograder.contract import Problem
from autograder.course.identity import without_work
from autograder.course.origin import Student
from autograder.course.platforms import as_iso

LARGEST = 20_000_000


class RosterProblem(Problem):
    """The file is no roster; `str()` is one line that names file and line."""


@dataclass(frozen=True)
class Format:
    """A platform's export: the columns that give it away, and those that hold what a student is known by."""

    platform: str
    required: tuple[str, ...]
    id: tuple[str, ...]
    words: tuple[str, ...]
    email: tuple[str, ...] = ()
    section: tuple[str, ...] = ()
    name: tuple[str, ...] = ()
    submitted: tuple[str, ...] = ()


FORMATS = (
    Format(
        "canvas",
        required=("student", "id", "section"),
        id=("sis user id", "id"),
        words=("id", "sis user id", "sis login id", "integration id", "student"),
        email=("email", "sis login id"),
        section=("section",),
        name=("student",),
    ),
    Format(
        "moodle",
        required=("identifier", "full name"),
        id=("id number", "identifier"),
        words=("identifier", "id number", "email address", "full name", "username"),
        email=("email address",),
        section=("group", "groups"),
        name=("full name",),
        submitted=("last modified (submission)",),
    ),
    Format(
        "gradescope",
        required=("sid", "email"),
        id=("sid",),
        words=("sid", "email", "name", "submission id"),
        email=("email",),
        section=("section", "sections", "section_name"),
        name=("name",),
        submitted=("submission time",),
    ),
    Format(
        "table",
        required=("name",),
        id=("id", "student id", "id number", "sid", "netid", "login", "username", "github"),
        words=(
            "id",
            "student id",
            "id number",
            "netid",
            "login",
            "username",
            "email",
            "e-mail",
            "email address",
            "name",
            "github",
        ),
        email=("email", "e-mail", "email address"),
        section=("section", "group"),
        name=("name",),
    ),
)
"""By header, the more specific first. Capitals do not count."""


@dataclass(frozen=True)
class Entry:
    """One student: what results carry, the words that files may know the student by, the time of the submission."""

    student: Student
    words: tuple[str, ...]
    submitted: str = ""


@dataclass(frozen=True)
class Roster:
    """The students of a course.

    Args:
        platform: where the file comes from: "canvas", "moodle", "gradescope", or "table".
        header: its columns, as they stand there.
        rows: all rows below the header, as they stand there.
        entries: for each row the student; None where it holds none, such as Canvas's "Points Possible".
    """

    platform: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    entries: tuple[Entry | None, ...]

    @property
    def students(self) -> list[Entry]:
        """Those rows that are students."""
        return [entry for entry in self.entries if entry is not None]

    def find(self, words: Iterable[str]) -> Entry | None:
        """The student that one of the words stands for; a word that stands for several does not count.

        Words are tried in their order, each first as an id, a login or an e-mail address, then as a name; then
        without what says what was handed in, as in `jane_doe_resnet`.
        """
        for word in words:
            if len(places := self._places(word)) == 1:
                return self.entries[next(iter(places))]
        return None

    def knows(self, word: str) -> bool:
        """Whether the word stands for a student, or for several."""
        return bool(self._places(word))

    def _places(self, word: str) -> set[int]:
        exact, loose = self._tables
        for name in itertools.chain([word], without_work(word)):  # an id may be a small number
            if found := exact.get(name.casefold()) or loose.get(letters_of(name)):
                return found
        return set()

    @functools.cached_property
    def _tables(self) -> tuple[dict[str, set[int]], dict[str, set[int]]]:
        exact: dict[str, set[int]] = {}
        loose: dict[str, set[int]] = {}
        for place, entry in enumerate(self.entries):
            for word in entry.words if entry else ():
                exact.setdefault(word.casefold(), set()).add(place)
                if "@" in word:
                    exact.setdefault(word.partition("@")[0].casefold(), set()).add(place)
            for letters in spellings(entry.student.name) if entry else ():
                loose.setdefault(letters, set()).add(place)
        return exact, loose


def letters_of(name: str) -> str:
    """A name without what platforms leave out of file names: case, accents, spaces, punctuation."""
    decomposed = unicodedata.normalize("NFKD", name.casefold())
    return "".join(letter for letter in decomposed if letter.isalnum())


def spellings(name: str) -> set[str]:
    """`Doe, Jane` and `Jane Doe`: a name in both orders."""
    last, comma, first = name.partition(",")
    words = name.split()
    both = {first + last} if comma else {" ".join([words[-1], *words[:-1]])} if words else set()
    return {letters for spelling in (name, *both) if (letters := letters_of(spelling))}


def read_roster(path: Path) -> Roster:
    """Read a roster; the platform is recognized by its header.

    Raises:
        RosterProblem: it cannot be read, or its header is that of no known export, or it holds no student.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RosterProblem(f"{path}: cannot be read: {error.strerror}") from None
    try:
        text = data[:LARGEST].decode("utf-16" if data.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig")
    except UnicodeDecodeError:
        text = data[:LARGEST].decode("cp1252", errors="replace")
    return parse_roster(text, str(path))


def parse_roster(text: str, name: str = "roster.csv") -> Roster:
    """Read the text of a roster; see `read_roster`."""
    separator = ";" if text.partition("\n")[0].count(";") > text.partition("\n")[0].count(",") else ","
    separator = "\t" if "\t" in text.partition("\n")[0] else separator
    try:
        header, *rows = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    except ValueError:
        raise RosterProblem(f"{name}: is empty") from None
    except csv.Error as error:
        raise RosterProblem(f"{name}: is not a table (CSV): {error}") from None
    columns = {title.strip().casefold(): place for place, title in reversed(list(enumerate(header)))}
    if "surname" in columns:
        columns.setdefault("last name", columns["surname"])
    if {"first name", "last name"} <= columns.keys():
        columns.setdefault("name", -1)
    found = next((f for f in FORMATS if all(column in columns for column in f.required)), None)
    if found is None:
        known = "; ".join(f"{f.platform}: {', '.join(f.required)}" for f in FORMATS)
        raise RosterProblem(f"{name}, line 1: no header of a known roster (columns that it needs: {known})")
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    entries = [_entry(row, columns, found) for row in rows]
    twice = Counter(entry.student for entry in entries if entry).most_common(1)
    if not twice:
        raise RosterProblem(f"{name}: no student below the header")
    if twice[0][1] > 1:
        student = twice[0][0]
        raise RosterProblem(f"{name}: {student.name or student.id or student.email} stands there {twice[0][1]} times")
    return Roster(found.platform, tuple(header), tuple(map(tuple, rows)), tuple(entries))


def _entry(row: list[str], columns: dict[str, int], format: Format) -> Entry | None:
    def cell(names: Iterable[str]) -> str:
        return next((text for name in names if (text := at(name))), "")

    def at(name: str) -> str:
        place = columns.get(name)
        if place == -1:
            return f"{at('first name')} {at('last name')}".strip()
        return row[place].strip() if place is not None and place < len(row) else ""

    if at("role").casefold() in ("instructor", "ta", "reader", "teacher"):
        return None
    words = tuple(dict.fromkeys(text for name in format.words if (text := at(name))))
    if not words or (format.platform == "canvas" and (not at("id") or at("student") == "Student, Test")):
        return None  # Canvas: "Points Possible", "Manual Posting", and the view of a student
    email = next((text for name in format.email if "@" in (text := at(name))), "")
    student = Student(id=cell(format.id), name=cell(format.name), email=email, section=cell(format.section))
    return Entry(student, words, as_iso(cell(format.submitted)))
