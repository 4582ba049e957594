"""Grade a submission again and compare, check by check, with the result that it got."""

from dataclasses import asdict, dataclass
from pathlib import Path

from autograder.grading.grade import Grader
from autograder.grading.provenance import provenance
from autograder.grading.result import COST_NOTHING, Result, read_result
from autograder.grading.results_folder import key_files
from autograder.grading.seeds import seed_fingerprint
from autograder.suite.outcome import Outcome


@dataclass(frozen=True)
class Comparison:
    """How a result compares with the same submission graded again.

    Args:
        same: checks that came out the same.
        differences: one line for each check that did not, and for whatever else differs in the result.
        not_compared: checks that are not judged here, such as the training where there is no GPU.
        remarks: what explains differences: another file, another grader, other versions.
    """

    same: int
    differences: tuple[str, ...]
    not_compared: tuple[str, ...]
    remarks: tuple[str, ...]


def reproduce(result_file: Path, submission: Path, unsafe: bool = False) -> Comparison:
    """Grade `submission` with the key that lies beside `result_file`, and compare.

    Raises:
        ResultError: the result is broken: its points do not add up, say.
        OSError: it cannot be read.
        SandboxUnavailable: student code cannot be confined here.
    """
    before = read_result(result_file)
    key = find_key(result_file.parent, before)
    with Grader(unsafe, key=key or b"") as grader:
        after = grader.grade(submission, only=before.questions.keys() or None)
    remarks = ["the key of this result does not lie beside it: other numbers are drawn"] if key is None else []
    if after.sha256 != before.sha256:
        remarks.append(f"{submission} is not the file that was graded: its SHA-256 is another one")
    now = provenance()
    for name in ("version", "code", "torch", "python", "processor"):
        if (then := getattr(before.grader, name)) != getattr(now, name):
            remarks.append(f"{name} was {then} and is {getattr(now, name)}")
    return compare(before, after, tuple(remarks))


def find_key(folder: Path, result: Result) -> bytes | None:
    """The key in a folder that a result was made with, by its fingerprint; a merged folder has several."""
    keys = [path.read_bytes() for path in key_files(folder)]
    return next((key for key in keys if seed_fingerprint(result.sha256, key) == result.grader.seed), None)


def compare(before: Result, after: Result, remarks: tuple[str, ...] = ()) -> Comparison:
    """Compare two results of one submission check by check."""
    old, new = ({test.id: test for test in result.tests} for result in (before, after))
    differences: list[str] = []
    waiting: list[str] = []
    for test in old.keys() | new.keys():
        if test not in old or test not in new:
            differences.append(f"{test}: only in the {'new' if test in new else 'old'} result")
        elif new[test].outcome == "deferred" != old[test].outcome:
            waiting.append(test)
        else:
            differences += _differences(old[test], new[test])
    if before.status != after.status:
        differences.append(f"status: was {before.status} and is {after.status}")
    were, are = ([line for line in result.problems if line != COST_NOTHING] for result in (before, after))
    if were != are:
        differences.append(f"problems: were {_shown(were)} and are {_shown(are)}")
    changed = {line.split(": ")[0] for line in differences}
    same = len((old.keys() & new.keys()) - set(waiting) - changed)
    return Comparison(same, tuple(sorted(differences)), tuple(sorted(waiting)), remarks)


def _differences(old: Outcome, new: Outcome) -> list[str]:
    was, now = asdict(old), asdict(new)
    texts = (was.pop("message"), now.pop("message"))
    said = [f"{name} was {_shown(was[name])} and is {_shown(now[name])}" for name in was if was[name] != now[name]]
    if not said and old.message != new.message:
        parts = [part for part in texts[0] if texts[0][part] != texts[1][part]]
        said = [f"{part} of its message was {_shown(texts[0][part])} and is {_shown(texts[1][part])}" for part in parts]
    return [f"{old.id}: {'; '.join(said)}"] if said else []


def _shown(value: object) -> str:
    """A value of a result as people read it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, tuple | list):
        value = ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value) or "nothing"
