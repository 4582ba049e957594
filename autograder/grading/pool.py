"""Submissions graded in parallel processes; each grades a few and ends, and what they left in memory is gone with it.

The processes are forks of one that has imported PyTorch and the tests, and start in milliseconds. This module imports
neither: the process that runs it starts the others, and waits for them.
"""

import contextlib
import gc
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

import psutil

from autograder.grading.result import Result
from autograder.sandbox import linux
from autograder.sandbox.launcher import SandboxUnavailable, Zygote
from autograder.student.errors import GraderBroken
from autograder.suite.outcome import Outcome
from autograder.training.memory_watch import resident_bytes
from autograder.training.slots import Slots

if TYPE_CHECKING:
    from autograder.training.context import TrainingSetup

Tell = Callable[[str], None]
GRADED_BY_ONE = 20
"""Submissions that a process grades. To start one takes 0.2 processor seconds, for memory that is copied when it is
written to."""
KEPT = 128 << 20
"""Bytes that a process may keep from one submission to the next, more than after its start."""
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
    refused: Mapping[Path, str] | None = None,
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
        refused: why some of them do not count; "" for one that does.
    """
    jobs = min(jobs, len(todo))
    if not jobs:
        return
    many = len(todo) >= MANY
    with contextlib.closing(_Processes(jobs, training, gpu_jobs, unsafe, key, tell, many)) as processes:
        known, why = earlier or {}, refused or {}
        requests = {
            path: (path, questions, [*known.get(path, ())], why.get(path, "")) for path, questions in todo.items()
        }
        again = []
        for path, result in processes.grade(requests):
            if isinstance(result, Result):
                yield path, result
            else:
                again.append(path)
        for path in again:
            yield path, processes.grade_one(*requests[path])


class _Place:
    """Room for one submission at a time: a process that grades it, and the zygote of its workers."""

    def __init__(self):
        self.zygote: Zygote | None = None
        self.connection: Connection | None = None
        self._process: BaseProcess | None = None
        self._left = 0

    def start(self, context: BaseContext, settings: Mapping[str, Any]) -> None:
        """Start a process, unless there is one that may grade another submission."""
        if self._process is None:
            self.connection, theirs = context.Pipe()
            with theirs:
                process = context.Process(target=_grade_in_process, args=(theirs, self.zygote, settings))
                process.start()
            self._process, self._left = process, GRADED_BY_ONE
        self._left -= 1

    def kill(self) -> None:
        """Kill the process, whatever another thread does with it."""
        if (process := self._process) is not None:
            process.kill()

    def end(self) -> None:
        """End the process."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self.connection.close()
            self._process = None

    def close(self) -> None:
        """End the process and the zygote: one of them may be at fault, or in the middle of a request."""
        self.end()
        if self.zygote is not None:
            self.zygote.close()
            self.zygote = None

    def is_worn(self) -> bool:
        """Whether the process has graded as many submissions as it may."""
        return not self._left


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
        self._closed = False
        self._origin = self._new_zygote()
        self._lock = threading.Lock()
        self._all = [_Place() for _ in range(jobs)]
        self._free: queue.SimpleQueue[_Place] = queue.SimpleQueue()
        for place in self._all:
            self._free.put(place)

    def grade(self, requests: Mapping[Path, tuple]) -> Iterator[tuple[Path, Result | GraderBroken]]:
        """Grade all of them; yields each as it is done."""
        futures = {self._threads.submit(self.grade_one, *request): path for path, request in requests.items()}
        for future in as_completed(futures):
            yield futures[future], future.result()

    def grade_one(
        self, path: Path, questions: Collection[str], earlier: list[Outcome], refused: str = ""
    ) -> Result | GraderBroken:
        """Grade one submission in a process that grades nothing else at that time, and wait for it."""
        place = self._free.get()
        try:
            place.zygote = place.zygote or self._twin()
            place.start(self._context, self._settings)
            if self._closed:
                place.kill()
            place.connection.send((path, questions, earlier, refused))
            result = self._follow(place.connection)
        except (EOFError, ConnectionError) as error:
            result = _as_broken(GraderBroken("the process that others are forked from was killed"), error)
        except Exception as error:
            result = _as_broken(error)
        if not isinstance(result, Result):
            place.close()
        elif place.is_worn():
            place.end()
        self._free.put(place)
        return result

    def close(self) -> None:
        """End every process."""
        self._closed = True
        self._threads.shutdown(wait=False, cancel_futures=True)
        for place in self._all:
            place.kill()
        self._threads.shutdown()
        for place in self._all:
            place.close()
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


def _grade_in_process(connection: Connection, zygote: Zygote | None, settings: Mapping[str, Any]) -> None:
    """Grade what is asked with one thread, and do not outlive the process that asks, however it ends."""
    if sys.platform == "linux":
        linux.die_with_parent(os.getppid())  # the server, which ends with it
    from autograder.grading.preload import Grader

    process = psutil.Process()
    before = resident_bytes(process)
    with contextlib.suppress(EOFError, ConnectionError), contextlib.closing(connection):  # nobody asks any more
        while True:
            path, questions, earlier, refused = connection.recv()
            try:
                with Grader(zygote=zygote, tell=connection.send, **settings) as grader:
                    result = grader.grade(path, only=questions, earlier=earlier, refused=refused)
                    result.to_json()  # what cannot be written is a failure here, and not of the class
            except Exception as error:
                result = _as_broken(error)
            connection.send(result)
            if resident_bytes(process) - before > KEPT:
                gc.collect()
                linux.return_freed_memory()


def _as_broken(error: Exception, cause: Exception | None = None) -> GraderBroken:
    broken = error
    if not isinstance(error, GraderBroken):
        broken = GraderBroken(" ".join(f"{type(error).__name__}: {error}".split())[:500])
    broken.log = "".join(traceback.format_exception(cause or error))
    return broken
