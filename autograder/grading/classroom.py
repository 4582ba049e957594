"""Grade many submissions: in parallel, resumable, one result file each."""

import contextlib
from collections.abc import Callable, Collection
from pathlib import Path

from autograder.grading.find_submissions import result_names
from autograder.grading.pool import grade_each
from autograder.grading.result import Result
from autograder.grading.results_folder import find_missing, grading_key, load_result, require_room
from autograder.grading.seeds import suite_version
from autograder.sandbox.launcher import require_confinement
from autograder.submission import fingerprint
from autograder.submission.atomic_write import atomic_write
from autograder.submission.sanitize import utf8
from autograder.training.baseline_check import check_baseline
from autograder.training.context import TrainingSetup


def grade_all(
    submissions: Collection[Path],
    out: Path,
    *,
    jobs: int = 1,
    only: Collection[str] | None = None,
    training: TrainingSetup | None = None,
    gpu_jobs: int = 1,
    unsafe: bool = False,
    advance: Callable[[str], None] = lambda name: None,
    tell: Callable[[str], None] = lambda line: None,
    warn: Callable[[str], None] = lambda line: None,
) -> tuple[list[Result], list[str]]:
    """Grade every submission and keep one JSON file each in `out`.

    Returns `(results, failures)`: the results in the order of `submissions`, and one line for each submission on which
    the grader itself failed. Its result says so, and the next run grades it again.

    Args:
        jobs: processes that grade.
        only: the questions to judge; all when None.
        training: how networks are trained; without, that is deferred.
        gpu_jobs: trainings at once.
        advance: called with the name of each submission that is done.
        tell: called with the progress of the trainings.
        warn: called with why all trainings are deferred, should that turn out here.

    Before the first network, the baseline network is trained, see `autograder.training.baseline_check`.

    Raises `SandboxUnavailable` where student code cannot be confined and `unsafe` is not given, and before anything is
    graded what `require_room` raises.

    A result that is there already, of the same file and the same tests, is not made again. With `only`, the results of
    the other questions stay as they are. A file is written in one step, so an interrupted run can be started again.
    """
    names = result_names(submissions)
    trains = training is not None and not training.problem
    known = {path: load_result(out / names[path], path) for path in submissions}
    missing = {path: find_missing(known[path], only, trains) for path in submissions}
    todo = {path: questions for path, questions in missing.items() if questions}
    for path in submissions:
        if path not in todo:
            advance(path.name)
    if todo and not unsafe:
        require_confinement()
    out.mkdir(parents=True, exist_ok=True)
    require_room(out, names.values(), len(todo))
    key = grading_key(out)
    if trains and any("q4" in questions for questions in todo.values()):
        training = check_baseline(training, tell=tell, unsafe=unsafe)
        if training.problem:
            warn(training.problem)
    failures = []
    earlier = {path: before.tests for path, before in known.items() if before is not None}
    results = grade_each(todo, jobs, training, gpu_jobs, unsafe, key, earlier, tell)
    with contextlib.closing(results):
        for path, result in results:
            before = known[path]
            if not isinstance(result, Result):
                failures.append(f"{path}: {result}")
                fields = {"submission": utf8(path.name), "sha256": fingerprint(path), "suite": suite_version()}
                known[path] = Result.of_failure(str(result), before, todo[path], **fields)
            else:
                known[path] = result if before is None else result.replace_questions(before)
            atomic_write(out / names[path], known[path].to_json())
            advance(path.name)
    return [known[path].model_copy(update={"name": Path(names[path]).stem}) for path in submissions], failures
