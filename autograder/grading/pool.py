"""Submissions graded in parallel, each in a process of its own: what a submission leaves in memory is gone with it.

The processes are forks of one that has imported PyTorch and the tests, and start in milliseconds. This module imports
neither: the process that runs it starts the others, and waits for them.
"""

import contextlib
import multiprocessing
import multiprocessing.forkserver
import os
import queue
import sys
import threading
import traceback
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autograder.grading.result import Result
from autograder.sandbox import linux
from autograder.sandbox.launcher import SandboxUnavailable, Zygote
from autograder.student.errors import GraderBroken
from autograder.suite.outcome import Outcome
from autograder.training.slots import Slots

if TYPE_CHECKING:
    from autograder.training.context import TrainingSetup

Tell = Callable[[str], None]
MANY = 20
"""Submissions for which it pays to spend half a second, so that forks are faster."""


def grade_each(
    todo: Mapping[Path, Collection[str]],
    jobs: int,
    training: "TrainingSetup | None" = None,
    gpu_jobs: int = 1,
    unsafe: bool = False,
    key: bytes = b"",
    earlier: Mapping[Path, Sequence[Outcome]] | None = None,
    tell: Tell = lambda line: None,
) -> Iterator[tuple[Path, Result | GraderBroken]]:
    """Grade submissions in parallel processes; yields each with its result as it is done.

    A submission on which the grader fails, or whose process is killed, is graded once more at the end, when nothing
    else runs. Should that fail as well, its result is the error.

    Args:
        todo: for each submission the questions to judge.
        jobs: submissions graded at once.
        training, gpu_jobs: as of `grade_all`.
        unsafe, key: as of `Grader`.
        earlier: what they got before for questions that are not judged now.
        tell: called with the progress of the trainings.
    """
    jobs = min(jobs, len(todo))
    if not jobs:
        return
    many = len(todo) >= MANY
    with contextlib.closing(_Processes(jobs, training, gpu_jobs, unsafe, key, tell, many)) as processes:
        known = earlier or {}
        requests = {path: (path, questions, [*known.get(path, ())]) for path, questions in todo.items()}
        again = []
        for path, result in processes.grade(requests):
            if isinstance(result, Result):
                yield path, result
            else:
                again.append(path)
        for path in again:
            yield path, processes.grade_one(*requests[path])


class _Processes:
    """The processes that grade, at most `jobs` at once, each with a zygote that serves one after the other."""

    def __init__(
        self,
        jobs: int,
        training: "TrainingSetup | None",
        gpu_jobs: int,
        unsafe: bool,
        key: bytes,
        tell: Tell,
        many: bool,
    ):
        self._context, self._tell, self._unsafe, self._many = _start_server(many), tell, unsafe, many
        self._settings = {"unsafe": unsafe, "key": key, "training": training, "slots": Slots(gpu_jobs, self._context)}
        self._threads = ThreadPoolExecutor(jobs)
        self._running: set[BaseProcess] = set()
        self._closed = False
        self._origin = self._new_zygote()
        self._lock = threading.Lock()
        self._zygotes: queue.SimpleQueue[Zygote | None] = queue.SimpleQueue()
        """One for each job, forked from the first one; None until it is needed."""
        for _ in range(jobs):
            self._zygotes.put(None)

    def grade(self, requests: Mapping[Path, tuple]) -> Iterator[tuple[Path, Result | GraderBroken]]:
        """Grade all of them; yields each as it is done."""
        futures = {self._threads.submit(self.grade_one, *request): path for path, request in requests.items()}
        for future in as_completed(futures):
            yield futures[future], future.result()

    def grade_one(self, path: Path, questions: Collection[str], earlier: list[Outcome]) -> Result | GraderBroken:
        """Grade one submission in a process of its own, and wait for it."""
        zygote, process = self._zygotes.get(), None
        ours, theirs = self._context.Pipe()
        try:
            zygote = zygote or self._twin()
            process = self._context.Process(
                target=_grade_in_process, args=(theirs, zygote, self._settings, path, questions, earlier)
            )
            with ours:
                process.start()
                self._running.add(process)
                if self._closed:
                    process.kill()
                theirs.close()
                result = self._follow(ours)
        except (EOFError, ConnectionError) as error:
            result = _as_broken(GraderBroken("the process that others are forked from was killed"), error)
        except Exception as error:
            result = _as_broken(error)
        finally:
            if process is not None and process.pid is not None:
                process.kill()
                process.join()
            self._running.discard(process)
        if not isinstance(result, Result) and zygote is not None:  # it may be at fault, or in the middle of a request
            zygote.close()
            zygote = None
        self._zygotes.put(zygote)
        return result

    def close(self) -> None:
        """End every process."""
        self._closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        for process in list(self._running):
            process.kill()
        self._threads.shutdown()
        while not self._zygotes.empty():
            if (zygote := self._zygotes.get()) is not None:
                zygote.close()
        if self._origin is not None:
            self._origin.close()

    def _follow(self, connection: Connection) -> Result | GraderBroken:
        """Pass on what the process tells until it sends its result."""
        while True:
            try:
                message = connection.recv()
            except (EOFError, ConnectionError):
                return GraderBroken("the process that graded it was killed")
            if not isinstance(message, str):
                return message
            self._tell(message)

    def _twin(self) -> Zygote | None:
        """A zygote that shares its memory with the others; None where nothing can be confined."""
        with self._lock:
            if self._origin is None:
                return None
            try:
                return self._origin.twin()
            except SandboxUnavailable:  # it may have been killed
                self._origin.close()
                self._origin = self._new_zygote()
                return self._origin.twin()

    def _new_zygote(self) -> Zygote | None:
        """None where nothing can be confined; `--unsafe` grades without."""
        return Zygote(self._unsafe, self._many) if sys.platform == "linux" else None


def _start_server(many: bool) -> BaseContext:
    """The context of the processes that grade. The one that they are forked from starts now, to be ready in time."""
    if sys.platform != "linux":
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    preload = "autograder.grading.preload"
    context.set_forkserver_preload([preload, f"{preload}_for_many"] if many else [preload])
    multiprocessing.forkserver.ensure_running()
    return context


def _grade_in_process(
    connection: Connection,
    zygote: Zygote | None,
    settings: Mapping[str, Any],
    path: Path,
    questions: Collection[str],
    earlier: list[Outcome],
) -> None:
    """Grade with one thread, and do not outlive the process that asked, however it ends."""
    if sys.platform == "linux":
        linux.die_with_parent(os.getppid())  # the server, which ends with it
    from autograder.grading.preload import Grader

    try:
        with Grader(zygote=zygote, tell=connection.send, **settings) as grader:
            result = grader.grade(path, only=questions, earlier=earlier)
            result.to_json()  # what cannot be written is a failure here, and not of the class
    except Exception as error:
        result = _as_broken(error)
    with contextlib.suppress(BrokenPipeError):  # nobody waits any more
        connection.send(result)


def _as_broken(error: Exception, cause: Exception | None = None) -> GraderBroken:
    broken = error
    if not isinstance(error, GraderBroken):
        broken = GraderBroken(" ".join(f"{type(error).__name__}: {error}".split())[:500])
    broken.log = "".join(traceback.format_exception(cause or error))
    return broken
