"""Which file counts for which student, and what the result of each is called."""

import contextlib
import itertools
import os
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from autograder.course.identity import FARTHEST_FOLDER, Identity, identify, in_utf8, result_name
from autograder.course.latest import Candidate, choose
from autograder.course.origin import Origin, Student
from autograder.course.platforms import Facts, facts_about
from autograder.course.roster import Entry, Roster
from autograder.submission import NOTHING, Content, UnreadableSubmission, fingerprint
from autograder.submission.upload import files_of


@dataclass(frozen=True)
class Handin:
    """The file or folder that counts for a student; `name` is that of its result file, without `.json`."""

    file: Path
    name: str
    origin: Origin


@dataclass(frozen=True)
class Known:
    """What an earlier result says about its file, and about others of the same student as in `Origin`.

    `file` is the one in the submission that was graded, "" if there was only one, or none could be chosen.
    """

    key: str
    path: tuple[str, ...]
    sha256: str
    not_counted: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()
    folder: tuple[str, ...] = ()
    file: str = ""

    @property
    def submission(self) -> tuple[str, ...]:
        """The path of the submission: of the folder, where one of its files was chosen."""
        return self.folder or self.path


def handins(
    files: Mapping[Path, Path],
    known: Iterable[Known] = (),
    roster: Roster | None = None,
    look: Callable[[Collection[Path]], Mapping[Path, Content | None]] = lambda paths: {},
) -> tuple[list[Handin], dict[Path, Handin]]:
    """Say whose each file is, and choose one for each student.

    Args:
        files: each file with the folder that was given; its own folder where the file was given itself.
        known: the results that are there already: a file keeps its key.
        roster: the students of the course.
        look: says what files define, or None where that is not known. It is asked once, about the files of students who
            have several; where one of theirs is not known, names and times alone decide.

    Returns:
        `(handins, others)`: what counts, in the order of `files`, and for each other file what counts in its place.
    """
    known = list(known)
    places = {file: _place(file, folder) for file, folder in files.items()}
    here = {identify(*place).path for place in places.values()}
    whose = {file: _whose(file, *place, known, here, roster) for file, place in places.items()}
    groups: dict[str, list[tuple[Path, _Owner]]] = {}
    for file, owner in whose.items():
        groups.setdefault(owner.identity.name.casefold(), []).append((file, owner))
    counted: dict[Path, Handin] = {}
    others: dict[Path, Handin] = {}
    defined = look([file for group in groups.values() if len(group) > 1 for file, _ in group])
    for group in groups.values():
        file, one = _decide(group, defined, known)
        counted[file] = one
        others |= {other: one for other, _ in group if other != file}
    return [counted[file] for file in files if file in counted], others


def missing(roster: Roster, origins: Iterable[Origin]) -> list[Student]:
    """The students who handed in nothing, in the order of the roster."""
    here = {student for origin in origins for student in with_roster(origin, roster).students}
    return [entry.student for entry in roster.students if entry.student not in here]


def strangers(roster: Roster, origins: Mapping[str, Origin]) -> tuple[list[str], list[str]]:
    """The names of what belongs to nobody in the roster, and of what has the name of several students there.

    Args:
        origins: of hand-ins or results, by their names.
    """
    known = {entry.student for entry in roster.students}
    unknown = [name for name, origin in origins.items() if not known & {*with_roster(origin, roster).students}]
    namesakes = [name for name in unknown if _is_of_namesakes(origins[name], roster)]
    return [name for name in unknown if name not in namesakes], namesakes


def _is_of_namesakes(origin: Origin, roster: Roster) -> bool:
    """Whether a word that several students of the roster have is all that tells whose it is."""
    sought = _sought(_identity_of(origin), Facts(origin.students), roster) if origin.path else []
    return any(roster.knows(word) for words in sought if roster.find(words) is None for word in words)


def with_roster(origin: Origin, roster: Roster) -> Origin:
    """The origin of a result, with what a roster says about its students."""
    if not origin.path:
        return origin
    identity = _identity_of(origin)
    entries = _entries(identity, Facts(origin.students), roster)
    update = {
        "students": _students(identity, origin.students, entries),
        "submitted": origin.submitted or _submitted(entries),
    }
    return origin.model_copy(update=update)


def _identity_of(origin: Origin) -> Identity:
    path = origin.path.split("/")
    identity = identify(path, len(path))
    if identity.platform == "" and origin.key == path[0]:
        return replace(identity, words=(origin.key,))
    return identity


def _submitted(entries: Iterable[Entry | None]) -> str:
    """When a group handed in, by the roster."""
    return next((entry.submitted for entry in entries if entry and entry.submitted), "")


@dataclass(frozen=True)
class _Owner:
    identity: Identity
    facts: Facts
    entries: tuple[Entry | None, ...]

    def origin(
        self, path: tuple[str, ...], not_counted: Iterable[str], undecided: Iterable[str], folder: tuple[str, ...]
    ) -> Origin:
        return Origin(
            key=self.identity.name,
            path="/".join(path),
            folder="/".join(folder),
            students=_students(self.identity, self.facts.students, self.entries),
            submitted=self.facts.submitted or _submitted(self.entries),
            late=self.identity.late,
            not_counted=tuple(not_counted),
            undecided=tuple(undecided),
        )


def _decide(
    group: list[tuple[Path, _Owner]], defined: Mapping[Path, Content | None], known: Iterable[Known]
) -> tuple[Path, Handin]:
    """Which of the files of one student counts, and what is graded; of a folder that can be a file in it.

    Where a file could not be looked at, names and times decide; where nothing does, the one that was given alone since.
    """
    contents = [defined.get(file) for file, _ in group]
    contents = contents if None not in contents else [NOTHING] * len(group)
    candidates = [
        Candidate(file, owner.identity, owner.facts.submitted, content)
        for (file, owner), content in zip(group, contents, strict=True)
    ]
    chosen, tied = choose(candidates)
    key = chosen.identity.name.casefold()
    before = next((one for one in known if one.key.casefold() == key), None)
    if tied and before and (given := _given_alone(before, [chosen, *tied])):
        chosen, tied = given, []
    owner = dict(group)[chosen.file]
    names = _names(candidates)
    not_counted = tuple(names[one.file] for one in candidates if one is not chosen)
    choice = _Choice(chosen.file, chosen.identity.path, not_counted)
    undecided = [names[one.file] for one in (chosen, *tied)] if tied else []
    if len(group) == 1 and before:
        choice = _within_folder(chosen, before) or replace(choice, not_counted=_beside(chosen, before))
    origin = owner.origin(choice.path, choice.not_counted, undecided, choice.folder)
    return chosen.file, Handin(choice.file, result_name(owner.identity.key), origin)


@dataclass(frozen=True)
class _Choice:
    """The file that counts, its path, the paths of others; `folder` is the path of the submission it was chosen in."""

    file: Path
    path: tuple[str, ...]
    not_counted: tuple[str, ...]
    folder: tuple[str, ...] = ()


def _within_folder(given: Candidate, before: Known) -> _Choice | None:
    """What is graded of one submission, a folder, of which a file was given alone, now or before; None where none was.

    The file counts in place of the folder as long as it is the same, and no other file has come. But if it is the one
    that is graded of the folder anyway, the folder is graded, with what the file imports.
    """
    file, path, folder = Path(os.path.abspath(given.file)), given.identity.path, before.submission
    if path == before.folder:
        chosen = file.joinpath(*before.path[len(folder) :])
        same = fingerprint(chosen) == before.sha256 and {*_others(chosen, before.path, folder)} <= {*before.not_counted}
        return _Choice(chosen, before.path, _still_there(before, file, folder), folder) if same else None
    if path[: len(folder)] != folder or path == folder:
        return None
    here, inside = file.parents[len(path) - len(folder) - 1], "/".join(path[len(folder) :])
    if not before.folder and f"{before.file}/".startswith(f"{inside}/"):
        return _Choice(here, folder, ()) if fingerprint(here) == before.sha256 else None
    again = before.folder and path == before.path
    others = _still_there(before, here, folder) if again else tuple(_others(file, path, folder))
    return _Choice(given.file, path, others, folder)


def _others(file: Path, path: tuple[str, ...], folder: tuple[str, ...]) -> Iterator[str]:
    """The paths of the other files of a submission, a folder, that can be graded."""
    here = file.parents[len(path) - len(folder) - 1]
    with contextlib.suppress(OSError, UnreadableSubmission):
        yield from (f"{'/'.join(folder)}/{_below(other, here)}" for other in files_of(here) if other != file)


def _still_there(before: Known, here: Path, folder: tuple[str, ...]) -> tuple[str, ...]:
    names = {path: path.removeprefix(f"{'/'.join(folder)}/") for path in before.not_counted}
    return tuple(path for path, name in names.items() if (here / name).exists())


def _below(file: Path, folder: Path) -> str:
    return in_utf8(file.relative_to(folder).as_posix())


def _given_alone(before: Known, tied: list[Candidate]) -> Candidate | None:
    """The one of these files that was graded alone when the others were known already."""
    for one in tied:
        others = {_path(other) for other in tied if other is not one}
        if not before.undecided and "/".join(before.path) == _path(one) and others <= {*before.not_counted}:
            return one if fingerprint(one.file) == before.sha256 else None
    return None


def _beside(chosen: Candidate, before: Known) -> tuple[str, ...]:
    """The files that an earlier result names beside this one, as far as they still lie there."""
    own = _path(chosen)
    if own not in (*before.undecided, "/".join(before.path)):
        return ()
    folder = Path(os.path.abspath(chosen.file)).parents[len(chosen.identity.path) - 1]
    others = dict.fromkeys((*before.undecided, *before.not_counted))
    return tuple(path for path in others if path != own and (folder / path).exists())


def _path(one: Candidate) -> str:
    return "/".join(one.identity.path)


def _names(candidates: Collection[Candidate]) -> dict[Path, str]:
    """The path of each; of files with one path in several folders, with the folders in which they differ."""
    names = {one.file: _path(one) for one in candidates}
    if len({*names.values()}) == len(names):
        return names
    absolute = {file: Path(os.path.abspath(file)) for file in names}
    common = os.path.commonpath(absolute.values())
    return {file: in_utf8(path.relative_to(common).as_posix()) for file, path in absolute.items()}


def _place(file: Path, folder: Path) -> tuple[tuple[str, ...], int]:
    """The parts of a file's path, and how many of them lie below the folder that was given."""
    parts = Path(os.path.abspath(file)).parts
    return tuple(map(in_utf8, parts)), len(parts) - len(Path(os.path.abspath(folder)).parts)


def _whose(
    file: Path,
    parts: tuple[str, ...],
    below: int,
    known: list[Known],
    here: Collection[tuple[str, ...]],
    roster: Roster | None,
) -> _Owner:
    identity = identify(parts, below)
    free = [one for one in known if one.path == identity.path or one.path not in here]
    before = _remembered(file, parts, below, identity, free)
    if before is None and below == 1 and identity.platform == "" and (inside := _submission_around(file, parts, known)):
        before, path = inside
        identity = identify(path, len(path))
    elif before and len(before.path) > len(identity.path):  # then a folder above this one was given
        identity, path = identify(before.path, len(before.path)), before.path
    else:
        path = before.path if before else identity.path
    facts = facts_about(Path(os.path.abspath(file)), identity)
    entries = _entries(identity, facts, roster)
    if identity.platform == "gradescope" and len(facts.students) == 1 and (student := facts.students[0]):
        # The number of a submission is new with each attempt; that of a group stays its name.
        identity = replace(identity, key=(student.id or student.email or student.name or identity.key[0],))
    elif identity.platform in ("", "gradescope") and before:
        identity = replace(identity, key=tuple(before.key.split("/")), path=path)
    elif identity.platform == "" and entries and entries[0]:
        student = entries[0].student
        identity = replace(identity, key=(student.id or student.email or student.name,))
    return _Owner(identity, facts, entries)


def _remembered(file: Path, parts: tuple[str, ...], below: int, identity: Identity, known: list[Known]) -> Known | None:
    """An earlier result of this file: of the same path below its folder, or, given anew, of the same end."""
    same = [one for one in known if one.path == identity.path and below > 1]
    ends = [one for one in known if one.path and parts[-len(one.path) :] == one.path]
    if not same and below > 1 and ends:
        sha256 = fingerprint(file)
        ends = [one for one in ends if one.sha256 == sha256]
    found = same or ends
    return max(found, key=lambda one: len(one.path), default=None)


def _submission_around(
    file: Path, parts: tuple[str, ...], known: Iterable[Known]
) -> tuple[Known, tuple[str, ...]] | None:
    """The earlier result of a folder in which this file lies, unchanged since, and the path of the file with it."""
    absolute = Path(os.path.abspath(file))
    for one in known:
        length = len(one.submission)
        for depth in range(1, FARTHEST_FOLDER + 1):
            if length and parts[:-depth][-length:] == one.submission:
                folder = absolute.parents[depth - 1]
                if fingerprint(folder.joinpath(*one.path[length:])) == one.sha256:
                    return one, (*one.submission, *parts[-depth:])
    return None


def _entries(identity: Identity, facts: Facts, roster: Roster | None) -> tuple[Entry | None, ...]:
    return () if roster is None else tuple(map(roster.find, _sought(identity, facts, roster)))


def _sought(identity: Identity, facts: Facts, roster: Roster) -> list[tuple[str, ...]]:
    """For each student of a submission the words to look for in the roster."""
    if facts.students:
        return [(s.id, s.email, *identity.words[:1], s.name) for s in facts.students]
    if identity.platform == "":  # what comes after the student's folder is the student's choice
        return [tuple(itertools.islice(filter(roster.knows, identity.words), 1))]
    return [identity.words]


def _students(identity: Identity, said: tuple[Student, ...], entries: tuple[Entry | None, ...]) -> tuple[Student, ...]:
    """The students by the roster, else by the platform."""
    if not said and identity.platform in ("canvas", "moodle"):
        said = (Student(id=identity.words[0].removeprefix("Participant "), name=identity.words[1]),)
    if not said:
        return tuple(entry.student for entry in entries if entry)
    found = (*entries, *([None] * (len(said) - len(entries))))
    return tuple(entry.student if entry else one for one, entry in zip(said, found, strict=True))
