"""Read all results of a folder."""

from pathlib import Path

from autograder.course.handins import missing, with_roster
from autograder.course.origin import Student
from autograder.course.roster import RosterProblem
from autograder.grading.result import Result, ResultError, read_result
from autograder.grading.results_folder import kept_roster
from autograder.submission.sanitize import sanitize


class ResultsError(Exception):
    """No report can be written; `str()` is one line for each file that cannot be used."""


def read_class(folder: Path) -> tuple[list[Result], list[Student]]:
    """All results of a folder, with what its roster says about the students, and the students who handed in nothing.

    Raises:
        ResultsError: as of `read_results`, or the roster cannot be used.
    """
    results = read_results(folder)
    try:
        roster = kept_roster(folder)
    except RosterProblem as problem:
        raise ResultsError(str(problem)) from None
    if roster is None:
        return results, []
    results = [one.model_copy(update={"origin": with_roster(one.origin, roster)}) for one in results]
    return results, missing(roster, [one.origin for one in results])


def read_results(folder: Path) -> list[Result]:
    """Read every `<name>.json` in `folder`, in the order of the names.

    Raises:
        ResultsError: there are no result files, or some cannot be used (all of those are named).
    """
    paths = sorted(folder.glob("*.json"), key=lambda path: (path.name.casefold(), path.name))
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
