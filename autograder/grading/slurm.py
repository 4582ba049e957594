"""A class graded by the nodes of a Slurm cluster: one array of tasks, one results folder on the shared file system.

submitit submits the array. Each task grades its share with `grade_all` and writes result files atomically, so that it
goes on where it stopped when it is requeued, killed or out of time.
"""

import dataclasses
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterable
from pathlib import Path
from typing import Any

from autograder.contract import Problem
from autograder.course.handins import Handin
from autograder.grading.classroom import grade_all
from autograder.grading.failures import Failure
from autograder.grading.kept_questions import require_kept
from autograder.grading.result import Result
from autograder.grading.results_folder import grading_key, load_result

SETTINGS = {
    "partition": ("slurm_partition", str),
    "account": ("slurm_account", str),
    "qos": ("slurm_qos", str),
    "minutes": ("timeout_min", int),
    "cpus": ("cpus_per_task", int),
    "gpus": ("gpus_per_node", int),
    "mem_gb": ("mem_gb", float),
}
"""The settings of `--slurm`, and what submitit calls them; `array` is the number of tasks."""
LOGS = ".grading.slurm"
POLL = 2.0
"""Seconds between two looks at the queue."""


class SlurmProblem(Problem):
    """The cluster cannot be used; `str()` is one line for the TA."""


def parse_settings(text: str) -> tuple[int, dict[str, Any]]:
    """Read `partition=cpu,array=40,minutes=120`; returns the number of tasks, and submitit's parameters.

    Raises:
        SlurmProblem: a setting is unknown or no number.
    """
    tasks, found = 1, {}
    for part in filter(None, (part.strip() for part in text.split(","))):
        name, _, value = part.partition("=")
        if name != "array" and name not in SETTINGS:
            raise SlurmProblem(f"{name}: the settings are array, {', '.join(SETTINGS)}")
        parameter, kind = SETTINGS.get(name, ("", int))
        try:
            number = kind(value)
        except ValueError:
            raise SlurmProblem(f"{part}: {name} takes a number") from None
        if not number or (kind is not str and number < 0):
            raise SlurmProblem(f"{part}: {name} needs a value")
        if name == "array":
            tasks = number
        else:
            found[parameter] = number
    return tasks, found


class Share:
    """What one task does. submitit calls `checkpoint` when its time is over, and starts it again."""

    def __call__(self, handins: list[Handin], out: Path, options: dict[str, Any]) -> list[Failure]:
        """Grade these submissions; returns those that the grader failed on."""
        options = dict(options)
        setup = options.pop("setup")
        return grade_all(handins, out, training=setup(), warn=print, **options)[1]

    def checkpoint(self, *arguments: Any) -> Any:
        """Grade what is left."""
        import submitit

        return submitit.helpers.DelayedSubmission(Share(), *arguments)


def grade_on_slurm(
    submissions: Collection[Handin],
    out: Path,
    settings: str,
    *,
    setup: Callable[[], Any],
    only: Collection[str] | None = None,
    force: bool = False,
    advance: Callable[[str], None] = lambda name: None,
    **options: Any,
) -> tuple[list[Result], list[Failure]]:
    """Grade as `grade_all` does, on the nodes of a cluster; returns when no task is left in the queue.

    Args:
        settings: of `--slurm`.
        setup: called in each task; returns how networks are trained there.
        only, force, advance, options: as of `grade_all`.

    Raises:
        SlurmProblem: submitit or Slurm is not there, or it refuses.
        ResultsFolderProblem: as of `require_kept`; no task is submitted then.
    """
    tasks, parameters = parse_settings(settings)
    require_kept(submissions, out, only)
    out = out.absolute()
    grading_key(out)
    submissions = [dataclasses.replace(one, file=one.file.absolute()) for one in submissions]
    shares = [share for start in range(tasks) if (share := submissions[start::tasks])]
    here = {"jobs": parameters.get("cpus_per_task", 1), "only": only, "force": force, "setup": setup}
    jobs = _submit(shares, out, parameters, options | here)
    seen = {one.name for one in submissions if (out / f"{one.name}.json").exists()} if not force else set()
    for name in seen:
        advance(name)
    while _in_queue(jobs):
        time.sleep(POLL)
        for name in {one.name for one in submissions if (out / f"{one.name}.json").exists()} - seen:
            seen.add(name)
            advance(name)
    failures = [failure for job in jobs for failure in _failures_of(job)]
    results = {one.file: load_result(out / f"{one.name}.json", one.file) for one in submissions}
    named = {failure.what for failure in failures}
    failures += [
        Failure(str(file), "its task ended without a result", str(out / LOGS))
        for file, result in results.items()
        if result is None and str(file) not in named
    ]
    graded = [(one, results[one.file]) for one in submissions if results[one.file] is not None]
    return [result.model_copy(update={"name": one.name}) for one, result in graded], failures


def _submit(shares: list[list[Handin]], out: Path, parameters: dict[str, Any], options: dict[str, Any]) -> list:
    try:
        import submitit
    except ImportError:
        raise SlurmProblem(f"submitit is not installed: {sys.executable} -m pip install submitit") from None
    try:
        executor = submitit.AutoExecutor(folder=out / LOGS, cluster="slurm")
        executor.update_parameters(name="autograder", **parameters)
        with executor.batch():
            return [executor.submit(Share(), share, out, options) for share in shares]
    except (RuntimeError, ValueError, OSError, submitit.core.utils.FailedJobError) as error:
        raise SlurmProblem(f"Slurm takes no job: {' '.join(str(error).split())[:500]}") from None


def _in_queue(jobs: Iterable) -> bool:
    """Whether a task waits or runs. A requeued one does."""
    numbers = sorted({job.job_id.partition("_")[0] for job in jobs})
    command = ["squeue", "--noheader", "--format=%i", "--jobs", ",".join(numbers)]
    for _ in range(30):  # the controller may be restarting
        process = subprocess.run(command, capture_output=True, text=True, check=False)
        if process.returncode == 0:
            return bool(process.stdout.strip())
        if "Invalid job id" in process.stderr:  # all have ended, and Slurm has forgotten them
            return False
        time.sleep(POLL)
    told = process.stderr.strip()
    raise SlurmProblem(f"squeue does not answer: {told}; the tasks go on: run this command again when they have ended")


def _failures_of(job: Any) -> list[Failure]:
    """What a task says; nothing where it ended without a word, and its results speak."""
    try:
        return job.result() if job.paths.result_pickle.exists() else []
    except Exception as error:
        return [Failure(f"task {job.job_id}", " ".join(str(error).split())[-500:])]
