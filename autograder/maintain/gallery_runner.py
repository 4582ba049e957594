"""The suite on submissions that we wrote ourselves: each in a process of its own, but without the sandbox.

That is twice as fast, and `tests/grader/test_sandbox_parity.py` shows that tests find out the same in both. A case that
uses only names whose code is the solution's ends as it does for the solution, and is not run again.
"""

import ast
import os
import resource
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.contract import REQUIRED
from autograder.course.settings import load_course
from autograder.grading.charge import is_better
from autograder.grading.grade import SUITE, run_suite, seed_of
from autograder.maintain.forkserver import forkserver_context
from autograder.student.errors import GraderBroken
from autograder.student.local import LocalStudent
from autograder.submission import Submission, all_slices, fingerprint, read_submission, slices
from autograder.suite.journal import Journal
from autograder.suite.outcome import Case, Outcome, is_losing

MOST_SECONDS = 120
"""Seconds of processor time for one submission; they take one or two."""


class GalleryRunFailed(GraderBroken):
    """A submission brought its process down; `str()` is one line for the maintainer."""


@dataclass(frozen=True)
class Known:
    """How the solution's cases ended, and the code that they ran on."""

    journal: Journal
    code: dict[str, list[str]]

    def cases(self, submission: Submission) -> dict[str, Case]:
        """The cases that end on this submission as they do on the solution, for they use only code that it shares."""
        mine = code_of(submission)
        return self.journal.unaffected_by({name for name in REQUIRED if mine[name] != self.code[name]})


def run_gallery(solution: Path, submissions: Collection[Path], jobs: int) -> Iterator[tuple[Path, list[Outcome]]]:
    """Run the suite on each submission, `jobs` at a time; yields each with its outcomes as it is done.

    Args:
        solution: a right submission, that shares code with most of the others.

    Raises:
        GalleryRunFailed: a submission ended its process, or did not come to an end.
    """
    journal, _ = _judge_in_process(solution, None)
    known = Known(journal, code_of(read_submission(solution)))
    threads = ThreadPoolExecutor(jobs)  # each waits for one process at a time
    try:
        running = {threads.submit(_judge_in_process, path, known): path for path in submissions}
        for future in as_completed(running):
            yield running[future], future.result()[1]
    finally:
        threads.shutdown(cancel_futures=True)


def judge(path: Path, known: Known | None) -> tuple[Journal, list[Outcome]]:
    """Run the suite on a submission in this process. Where not all of its code runs, nothing of it is known."""
    submission, seed = read_submission(path), seed_of(fingerprint(path))
    slice_, *earlier = all_slices(submission)
    student = LocalStudent.from_slice(slice_)
    sound = not (student.problems or slice_.missing)
    journal = Journal(known.cases(submission) if known is not None and sound else {})
    outcomes = run_suite(student, SUITE, seed=seed, journal=journal)
    for another in earlier if is_losing(outcomes) else ():
        again = run_suite(LocalStudent.from_slice(another), SUITE, seed=seed)
        outcomes = again if is_better(again, outcomes, load_course().rubric) else outcomes
    return journal, outcomes


def code_of(submission: Submission) -> dict[str, list[str]]:
    """For each required name the statements that define it, with what they need. A repeated import counts once."""
    code = {}
    for name, slice_ in zip(REQUIRED, slices(submission, [[name] for name in REQUIRED]), strict=True):
        imports, nodes = set(), [node for _, node in slice_.nodes]
        code[name] = [text for text in map(ast.unparse, nodes) if not _repeats(text, imports)]
    return code


def _repeats(statement: str, imports: set[str]) -> bool:
    """Whether the statement is an import that is in `imports` already; it is afterwards."""
    if statement in imports:
        return True
    if statement.startswith(("import ", "from ")):
        imports.add(statement)
    return False


def in_fresh_process(name: str, function: Callable[..., Any], *arguments: Any, seconds: int = MOST_SECONDS) -> Any:
    """Call a function in a fresh process, so that what a submission changes, or breaks, is gone with it.

    Args:
        name: of the submission, for messages.
        seconds: of processor time that the process may use.

    Raises:
        GalleryRunFailed: the submission ended its process, or did not come to an end.
    """
    with ProcessPoolExecutor(1, forkserver_context(), _prepare, (seconds,)) as pool:
        try:
            return pool.submit(function, *arguments).result()
        except BrokenProcessPool:
            reason = f"ended its process, or used more than {seconds} s of processor time"
            raise GalleryRunFailed(f"{name} {reason}") from None
        except GraderBroken as broken:
            raise type(broken)(f"{name}: {broken}") from None


def _judge_in_process(path: Path, known: Known | None) -> tuple[Journal, list[Outcome]]:
    return in_fresh_process(path.name, judge, path, known, seconds=MOST_SECONDS)


def _prepare(seconds: int) -> None:
    """In the process of a submission: a limit on its time, no output, and no attempt to download CIFAR-10."""
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    nothing = os.open(os.devnull, os.O_WRONLY)
    for output in (1, 2):
        os.dup2(nothing, output)
    os.environ["CIFAR10_ROOT"] = os.devnull
