"""Read all results of a folder."""

import difflib
from dataclasses import dataclass
from pathlib import Path

from autograder.contract import Problem
from autograder.course.corrections import Adjustment, Correction, CorrectionProblem, of_result, read_corrections
from autograder.course.handins import missing, with_roster
from autograder.course.origin import Student
from autograder.course.roster import Roster, RosterProblem, letters_of, spellings
from autograder.course.settings import Course, CourseProblem, load_course
from autograder.grading.result import Result, ResultError, read_result
from autograder.grading.results_folder import kept_roster, result_files
from autograder.report.derived import corrected_score, possible
from autograder.submission.sanitize import sanitize

MOST_SUGGESTED = 5


class ResultsError(Problem):
    """No report can be written; `str()` is one line for each file that cannot be used."""


@dataclass(frozen=True)
class ClassResults:
    """All that reports are made from.

    Args:
        grades: the results, with what the roster says about their students, with corrections and late points.
        missing: students of the roster who handed in nothing.
        course: the settings of the course.
        roster: the students of the course, where they are known.
    """

    grades: list[Result]
    missing: list[Student]
    course: Course
    roster: Roster | None = None


def read_class(folder: Path) -> ClassResults:
    """Read the results of a folder, and what lies beside them.

    Raises:
        ResultsError: as of `read_results`, or the roster, the corrections or course.toml cannot be used.
    """
    grades = read_results(folder)
    try:
        roster, corrections, course = kept_roster(folder), read_corrections(folder), load_course()
    except (RosterProblem, CorrectionProblem, CourseProblem) as problem:
        raise ResultsError(str(problem)) from None
    if roster is not None:
        grades = [one.model_copy(update={"origin": with_roster(one.origin, roster)}) for one in grades]
    grades = [adjust(grade, of_result(corrections, grade.name), course) for grade in grades]
    return ClassResults(grades, missing(roster, [one.origin for one in grades]) if roster else [], course, roster)


def adjust(grade: Result, corrections: tuple[Correction, ...], course: Course) -> Result:
    """The result with its corrections, and with the late points that follow from the course's policy."""
    grade = grade.model_copy(update={"adjustment": Adjustment(corrections)})
    days = course.days_late(grade.origin.submitted, grade.origin.late)
    lost = course.late_points(corrected_score(grade), possible(grade), days)
    return grade.model_copy(update={"adjustment": Adjustment(corrections, days, lost)})


def find_result(grades: list[Result], name: str, roster: Roster | None = None) -> Result:
    """The result of this name, or of the student with this key, id, login, e-mail address or name.

    Args:
        roster: knows logins; names match without it too, in either order.

    Raises:
        ResultsError: there is none, or several.
    """
    wanted = name.removesuffix(".json").casefold()
    entry = roster.find([name]) if roster else None
    for matches in (
        lambda grade: grade.name.casefold() == wanted,
        lambda grade: wanted in map(str.casefold, _names(grade)),
        lambda grade: entry is not None and entry.student in grade.origin.students,
        lambda grade: any(letters_of(name) in spellings(student.name) for student in grade.origin.students),
    ):
        if found := [grade for grade in grades if matches(grade)]:
            break
    if len(found) == 1:
        return found[0]
    if found:
        said = f"{name}: there are several: {', '.join(grade.name for grade in found)}"
        raise ResultsError(sanitize(said, one_line=True))
    close = _like(grades, name)
    hint = f"; did you mean {' or '.join(close)}?" if close else ""
    raise ResultsError(sanitize(f"{name}: no such result{hint}", one_line=True))


def _like(grades: list[Result], name: str) -> list[str]:
    """The names of results to suggest: of those that the word is part of, or else of those that look like it."""
    part = letters_of(name)
    holding = [
        one.name for one in grades if part and any(part in letters_of(word) for word in (one.name, *_names(one)))
    ]
    return holding[:MOST_SUGGESTED] or difflib.get_close_matches(name, [grade.name for grade in grades], n=3)


def _names(grade: Result) -> list[str]:
    people = [word for s in grade.origin.students for word in (s.id, s.email, s.name)]
    return [word for word in (grade.origin.key, grade.submission, *people) if word]


def read_results(folder: Path) -> list[Result]:
    """Read every `<name>.json` in `folder`, in the order of the names; hidden files are none.

    Raises:
        ResultsError: there are no result files, or some cannot be used (all of those are named).
    """
    paths = sorted(result_files(folder), key=lambda path: (path.name.casefold(), path.name))
    if not paths:
        raise ResultsError(f"{folder}: no result files here; `python -m autograder grade` writes them")
    results: list[Result] = []
    errors: list[str] = []
    for path in paths:
        try:
            results.append(read_result(path))
        except ResultError as error:
            errors.append(sanitize(str(error), one_line=True))
        except OSError as error:
            errors.append(sanitize(f"{path}: cannot be read ({error.strerror})", one_line=True))
    if errors:
        raise ResultsError("\n".join(errors))
    return results
