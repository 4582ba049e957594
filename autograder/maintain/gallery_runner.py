"""The suite on submissions that we wrote ourselves: each in a process of its own, but without the sandbox.

That is twice as fast, and `tests/grader/test_sandbox_parity.py` shows that tests find out the same in both. A case that
uses only names whose code is the solution's ends as it does for the solution, and is not run again.
"""

import ast
import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from autograder.contract import REQUIRED
from autograder.grading.grade import SUITE, seed_of
from autograder.maintain.forkserver import forkserver_context
from autograder.student.errors import GraderBroken
from autograder.student.unconfined import UnconfinedStudent
from autograder.submission import Submission, read_submission, slice_submission, slices
from autograder.suite.journal import Journal
from autograder.suite.outcome import Case, Outcome
from autograder.suite.run import run_suite

LONGEST = 120.0
"""Seconds for one submission; they take one or two."""


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
    [(_, (journal, _))] = _in_processes([(solution, None)], 1)
    known = Known(journal, code_of(read_submission(solution)))
    for path, (_, outcomes) in _in_processes([(path, known) for path in submissions], jobs):
        yield path, outcomes


def judge(path: Path, known: Known | None) -> tuple[Journal, list[Outcome]]:
    """Run the suite on a submission in this process. Where not all of its code runs, nothing of it is known."""
    submission = read_submission(path)
    slice_ = slice_submission(submission)
    student = UnconfinedStudent(slice_)
    sound = not (student.problems or slice_.missing)
    journal = Journal(known.cases(submission) if known is not None and sound else {})
    return journal, run_suite(student, SUITE, seed=seed_of(submission.sha256), journal=journal)


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


def _in_processes(
    tasks: Collection[tuple[Path, Known | None]], jobs: int
) -> Iterator[tuple[Path, tuple[Journal, list[Outcome]]]]:
    context = forkserver_context()
    waiting = list(reversed(tasks))
    running: dict[Connection, tuple[Path, BaseProcess, float]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                path, known = waiting.pop()
                receiver, sender = context.Pipe(duplex=False)
                process = context.Process(target=_send, args=(sender, path, known), daemon=True)
                process.start()
                sender.close()
                running[receiver] = (path, process, time.monotonic() + LONGEST)
            soonest = min(deadline for _, _, deadline in running.values())
            for receiver in wait(running, max(0.0, soonest - time.monotonic())):
                path, process, _ = running.pop(receiver)
                yield path, _received(receiver, path, process)
            for path, _, deadline in running.values():
                if time.monotonic() > deadline:
                    raise GalleryRunFailed(f"{path.name} did not come to an end within {LONGEST:g} s")
    finally:
        for _, process, _ in running.values():
            process.kill()


def _send(sender: Connection, path: Path, known: Known | None) -> None:
    try:
        sender.send(judge(path, known))
    except GraderBroken as broken:
        sender.send(broken)


def _received(receiver: Connection, path: Path, process: BaseProcess) -> tuple[Journal, list[Outcome]]:
    try:
        answer = receiver.recv()
    except EOFError:
        process.join()
        raise GalleryRunFailed(f"{path.name} ended its process (exit status {process.exitcode})") from None
    process.join()
    if isinstance(answer, GraderBroken):
        raise type(answer)(f"{path.name}: {answer}")
    return answer
