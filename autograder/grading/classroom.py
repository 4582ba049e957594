"""Grade many submissions: in parallel, resumable, one result file each."""

import contextlib
from collections.abc import Callable, Collection
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from autograder.course.handins import Handin
from autograder.course.settings import load_course
from autograder.grading.failures import Failure
from autograder.grading.kept_questions import require_kept
from autograder.grading.pool import grade_each
from autograder.grading.provenance import provenance
from autograder.grading.result import Result, ResultError, read_result
from autograder.grading.results_folder import find_missing, grading_key, keep_log, require_room, usable_result
from autograder.grading.seeds import seed_fingerprint, suite_version
from autograder.sandbox.launcher import require_confinement
from autograder.submission import fingerprint
from autograder.submission.atomic_write import atomic_write
from autograder.submission.sanitize import utf8

if TYPE_CHECKING:
    from autograder.training.context import TrainingSetup


def grade_all(
    submissions: Collection[Handin],
    out: Path,
    *,
    jobs: int = 1,
    only: Collection[str] | None = None,
    training: "TrainingSetup | None" = None,
    gpu_jobs: int = 1,
    unsafe: bool = False,
    force: bool = False,
    advance: Callable[[str], None] = lambda name: None,
    tell: Callable[[str], None] = lambda line: None,
    warn: Callable[[str], None] = lambda line: None,
    say_kept: Callable[[int, int], None] = lambda kept, priced: None,
) -> tuple[list[Result], list[Failure]]:
    """Grade every submission and keep one JSON file each in `out`.

    Returns `(results, failures)`: the results in the order of `submissions`, and those on which the grader itself
    failed. Such a result says so, and the next run grades it again.

    Args:
        jobs: processes that grade.
        only: the questions to judge; all when None.
        training: how networks are trained; without, that is deferred.
        gpu_jobs: trainings at once.
        force: judge anew what has a result already.
        advance: called with the name of each submission that is graded.
        tell: called with the progress of the trainings.
        warn: called with what the calibration found, or why all trainings are deferred.
        say_kept: called once, with how many results are kept, and how many of them have other points than before.

    Before the first network, right networks are trained, see `autograder.training.calibration`.

    Raises `SandboxUnavailable` where student code cannot be confined and `unsafe` is not given, and before anything is
    graded what `require_kept` and `require_room` raise.

    A result that is there already, of the same file and the same code, is not made again; it gets today's prices of
    mistakes. With `only`, the results of the other questions stay as they are, or nothing is graded. A file is written
    in one step, so an interrupted run can be started again.
    """
    require_kept(submissions, out, only)
    handins = {handin.file: handin for handin in submissions}
    files = {path: out / f"{handin.name}.json" for path, handin in handins.items()}
    trains = training is not None and not training.problem
    judged_by: Collection[float] | None = None
    if trains:
        from autograder.training.calibration import calibrate, thresholds

        judged_by = thresholds(training, out)
    rubric = load_course().rubric
    stored = {path: usable_result(files[path], handin) for path, handin in handins.items()}
    known = {path: result and result.charge_again(rubric) for path, result in stored.items()}
    missing = {path: find_missing(known[path], only, judged_by, force) for path in handins}
    todo = {path: questions for path, questions in missing.items() if questions}

    def save(path: Path, result: Result) -> None:
        known[path] = result.model_copy(update={"origin": handins[path].origin})
        atomic_write(files[path], known[path].to_json())

    for path in handins.keys() - todo.keys():
        if known[path] != stored[path] or known[path].origin != handins[path].origin:  # other prices, or a roster
            save(path, known[path])
    priced = sum(known[path].tests != stored[path].tests for path in handins.keys() - todo.keys())
    say_kept(len(handins) - len(todo), priced)
    if todo and not unsafe:
        require_confinement()
    out.mkdir(parents=True, exist_ok=True)
    require_room(out, files.values(), len(todo))
    key = grading_key(out)
    if trains and any("q4" in questions for questions in todo.values()):
        training = calibrate(training, out, jobs=gpu_jobs, tell=tell, say=warn, unsafe=unsafe)
        if training.problem:
            warn(f"the training check is deferred: {training.problem}")
    failures = []
    earlier = {path: before.tests for path, before in known.items() if before is not None}
    refused = {path: handin.origin.problem for path, handin in handins.items()}
    results = grade_each(todo, jobs, training, gpu_jobs, unsafe, key, earlier, tell, refused)
    with contextlib.closing(results):
        for path, result in results:
            before = known[path]
            if not isinstance(result, Result):
                log = f"{datetime.now(UTC)} {provenance().in_words()}\n{path}: {result}\n\n{result.log}"
                failures.append(Failure(str(path), str(result), str(keep_log(out, handins[path].name, log))))
                sha256 = fingerprint(path)
                if not sha256 and files[path].exists():  # it cannot be read any more: what it got before stays
                    with contextlib.suppress(ResultError):
                        known[path] = read_result(files[path])
                        advance(path.name)
                        continue
                fields = {"submission": utf8(path.name), "sha256": sha256, "suite": suite_version()}
                result = Result.of_failure(str(result), before, todo[path], **fields)
            else:
                keep_log(out, handins[path].name, "")
                result = result if before is None else result.replace_questions(before)
            made = {"seed": seed_fingerprint(result.sha256, key), "when": datetime.now(UTC).isoformat(" ", "seconds")}
            save(path, result.model_copy(update={"grader": provenance().model_copy(update=made)}))
            advance(path.name)
    return [known[one.file].model_copy(update={"name": one.name}) for one in handins.values()], failures
