"""With `--only`, the results of the other questions stay; where they cannot, nothing is graded and nothing is lost.

Outcomes of another grader, or of another file, do not belong into one result with those that are made now.
"""

from collections import Counter
from collections.abc import Collection, Iterable
from pathlib import Path

from autograder.contract import QUESTIONS
from autograder.course.handins import Handin
from autograder.grading.result import Result, ResultError, read_result
from autograder.grading.results_folder import ResultsFolderProblem, usable_result
from autograder.submission import fingerprint

NAMED = 5
"""Results that a line names."""


def require_kept(submissions: Iterable[Handin], out: Path, only: Collection[str] | None) -> None:
    """Check that a run with `only` keeps what `out` holds of the other questions.

    Raises:
        ResultsFolderProblem: some results would lose questions; one line says how many, why, and what to do.
    """
    if only is None:
        return
    lost: dict[str, list[str]] = {}
    questions: set[str] = set()
    graders: Counter[str] = Counter()
    for one in submissions:
        path = out / f"{one.name}.json"
        if not path.exists() or usable_result(path, one) is not None:
            continue
        before = _read(path)
        others = (QUESTIONS if before is None else before.questions).keys() - set(only)
        if not others or not (sha256 := fingerprint(one.file)):  # what cannot be read now keeps what it has
            continue
        questions |= others
        lost.setdefault(_reason(before, one, sha256), []).append(one.name)
        if before is not None and before.sha256 == sha256 and before.origin.undecided == one.origin.undecided:
            graders[before.grader.in_words()] += 1
    if lost:
        why = "; ".join(f"{len(names)} {reason} ({_some(names)})" for reason, names in lost.items())
        number = sum(map(len, lost.values()))
        which = f", or use the grader {graders.most_common(1)[0][0]}" if graders else ""
        raise ResultsFolderProblem(
            f"nothing was graded: with --only {','.join(only)}, {'a result' if number == 1 else f'{number} results'} "
            f"in {out} would lose {', '.join(sorted(questions))}: {why}. Run the command without --only{which}"
        )


def _read(path: Path) -> Result | None:
    try:
        return read_result(path)
    except (OSError, ResultError):
        return None


def _reason(before: Result | None, one: Handin, sha256: str) -> str:
    """Why an earlier result cannot be completed."""
    if before is None:
        return "cannot be read"
    if before.sha256 != sha256:
        return "of another file than the one that counts now"
    if before.origin.undecided != one.origin.undecided:
        return "from before it was decided which file counts" if before.origin.undecided else "of a file in doubt now"
    return "of another version of the grader"


def _some(names: list[str]) -> str:
    return ", ".join(names[:NAMED]) + (", ..." if len(names) > NAMED else "")
