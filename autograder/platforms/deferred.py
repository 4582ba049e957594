"""The points that a machine without a GPU defers: their results come later, from one that has it.

    python -m autograder grade export --out results --only q4 --device cuda --data DIR
    python -m autograder build --gpu-results results

The second command puts the results into autograder.zip. Whatever grades with that zip then adds them to each
submission whose bytes are those that were graded. Until then the deferred points are left out of the maximum.
"""

import dataclasses
import json
from pathlib import Path

from autograder.grading.classroom import suite_version
from autograder.grading.grade import Grade
from autograder.report.read import ResultsError, read_results
from autograder.student.message import Message
from autograder.suite.outcome import Outcome

DEFERRED = "tests/gpu_results.json"
"""Where the results lie in autograder.zip."""


def collect(folder: Path) -> str:
    """Return the text of `DEFERRED`: the results in `folder`, by the submission's SHA-256.

    Raises:
        ResultsError: there are no results, none of them has a training, or they are of another version of the tests.
    """
    results = [result for result in read_results(folder) if result.get("training") is not None]
    if not results:
        raise ResultsError(f"{folder}: no network was trained in these results; see `grade --only q4 --device cuda`")
    if others := [result["result"] for result in results if result.get("suite") != suite_version()]:
        raise ResultsError(f"{folder}: graded with other tests than today's: {', '.join(others)}; grade them again")
    kept = {result["sha256"]: {"training": result["training"], "tests": _judged(result)} for result in results}
    return json.dumps(kept, indent=1, sort_keys=True) + "\n"


def _judged(result: dict) -> list[dict]:
    return [test for test in result["tests"] if test["question"] == "q4" and test["outcome"] != "deferred"]


def add_deferred(grade: Grade, source: Path) -> Grade:
    """Put results of a GPU in the place of deferred ones, where there are any for this very submission.

    Args:
        source: the folder into which autograder.zip was unpacked.
    """
    path = source / DEFERRED
    known = json.loads(path.read_text(encoding="utf-8")).get(grade.sha256) if path.exists() else None
    if known is None:
        return grade
    later = {
        test["id"]: Outcome(**{**test, "message": Message(**test["message"]), "mistakes": tuple(test["mistakes"])})
        for test in known["tests"]
    }
    outcomes = tuple(later.get(o.id, o) if o.outcome == "deferred" else o for o in grade.outcomes)
    return dataclasses.replace(grade, outcomes=outcomes, training=known["training"])
