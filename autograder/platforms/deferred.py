"""The points that a machine without a GPU defers: their results come later, from one that has it.

    python -m autograder grade export --out results --only q4 --device cuda --data DIR
    python -m autograder build --gpu-results results

The second command puts the results into autograder.zip. Whatever grades with that zip then adds them to each
submission whose bytes are those that were graded. Until then the deferred points are left out of the maximum.
"""

from pathlib import Path

from pydantic import TypeAdapter

from autograder.grading.result import Result
from autograder.grading.seeds import suite_version
from autograder.report.read import ResultsError, read_results

DEFERRED = "tests/gpu_results.json"
"""Path of the results in autograder.zip."""
_RESULTS = TypeAdapter(dict[str, Result])
"""Results by the SHA-256 of the submission."""


def collect(folder: Path) -> str:
    """Return the text of `DEFERRED`: the results of q4 in `folder`.

    Raises:
        ResultsError: there are no results, none of them has a training, or they are of another version of the tests.
    """
    results = [result for result in read_results(folder) if result.training is not None]
    if not results:
        raise ResultsError(f"{folder}: no network was trained in these results; see `grade --only q4 --device cuda`")
    if others := [result.name for result in results if result.suite != suite_version()]:
        raise ResultsError(f"{folder}: graded with other tests than today's: {', '.join(others)}; grade them again")
    results.sort(key=lambda result: result.sha256)
    kept = {result.sha256: result.replace_tests(result.of_question("q4")) for result in results}
    return _RESULTS.dump_json(kept, indent=1).decode() + "\n"


def add_deferred(result: Result, source: Path) -> Result:
    """Replace deferred tests by those that a GPU judged, where there are any for this very submission.

    Args:
        source: the folder into which autograder.zip was unpacked.
    """
    path = source / DEFERRED
    known = _RESULTS.validate_json(path.read_bytes()).get(result.sha256) if path.exists() else None
    if known is None:
        return result
    later = {test.id: test for test in known.tests}
    tests = [later.get(test.id, test) if test.outcome == "deferred" else test for test in result.tests]
    return result.replace_tests(tests, training=known.training)
