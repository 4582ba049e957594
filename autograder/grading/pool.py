"""Submissions graded in parallel, each process with a sandbox of its own."""

import atexit
import contextlib
import functools
import multiprocessing
import os
import sys
import threading
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.queues import SimpleQueue
from pathlib import Path

import torch

from autograder.grading.grade import Grader
from autograder.grading.result import Result
from autograder.sandbox import linux
from autograder.student.errors import GraderBroken
from autograder.suite.outcome import Outcome
from autograder.training.context import TrainingSetup
from autograder.training.slots import Slots


def grade_each(
    todo: Mapping[Path, Collection[str]],
    jobs: int,
    training: TrainingSetup | None = None,
    gpu_jobs: int = 1,
    unsafe: bool = False,
    key: bytes = b"",
    earlier: Mapping[Path, Sequence[Outcome]] | None = None,
    tell: Callable[[str], None] = lambda line: None,
) -> Iterator[tuple[Path, Result | GraderBroken]]:
    """Grade submissions in parallel processes; yields each with its result as it is done.

    A submission on which the grader fails, or whose process is killed, is graded once more at the end, in a fresh
    process of its own. Should that fail as well, its result is the error.

    Args:
        todo: for each submission the questions to judge.
        jobs: processes, each with a sandbox of its own.
        training, gpu_jobs: as of `grade_all`.
        unsafe, key: as of `Grader`.
        earlier: what they got before for questions that are not judged now.
        tell: called with the progress of the trainings.
    """
    if not todo:
        return
    context = multiprocessing.get_context("spawn")
    workers = min(jobs, len(todo))
    news = context.SimpleQueue()
    start = (os.getpid(), Slots(gpu_jobs, context), training, news.put, unsafe, key)

    def run(pool: ProcessPoolExecutor, path: Path) -> Future:
        return pool.submit(_grade_one, path, todo[path], [*(earlier or {}).get(path, ())])

    def make_pool(size: int) -> ProcessPoolExecutor:
        return ProcessPoolExecutor(size, context, initializer=_start_process, initargs=start)

    waiting, again = deque(todo), []
    with _passed_on(news, tell):
        while waiting:
            running: dict[Future, Path] = {}
            with make_pool(workers) as pool, _killed_if_abandoned(), contextlib.suppress(BrokenProcessPool):
                while waiting or running:
                    # No more than there are processes: what is lost with a process is then known.
                    while waiting and len(running) < workers:
                        running[run(pool, waiting[0])] = waiting[0]
                        waiting.popleft()
                    for future in wait(running, return_when=FIRST_COMPLETED).done:
                        result = future.result()
                        path = running.pop(future)
                        if isinstance(result, GraderBroken):
                            again.append(path)
                        else:
                            yield path, result
            again += running.values()
        for path in again:
            with make_pool(1) as pool, _killed_if_abandoned():
                try:
                    yield path, run(pool, path).result()
                except BrokenProcessPool:
                    yield path, GraderBroken("the process that graded it was killed, twice")


@contextlib.contextmanager
def _killed_if_abandoned() -> Iterator[None]:
    """Kill the processes of the pool if their results are not wanted any more: nobody waits for them to finish."""
    try:
        yield
    except BaseException:
        for process in multiprocessing.active_children():
            process.kill()
        raise


@contextlib.contextmanager
def _passed_on(news: SimpleQueue, tell: Callable[[str], None]) -> Iterator[None]:
    """Within this context, what the processes put into the queue is told."""
    listener = threading.Thread(target=lambda: [tell(line) for line in iter(news.get, None)], daemon=True)
    listener.start()
    try:
        yield
    finally:
        news.put(None)
        listener.join()


_grader: Grader | None = None
"""The grader of this process of the pool; it is started with the first submission and serves all of them."""


_make_grader: Callable[[], Grader]
"""How to start it."""


def _start_process(
    parent: int, slots: Slots, training: TrainingSetup | None, tell: Callable[[str], None], unsafe: bool, key: bytes
) -> None:
    """Grade with one thread, and do not outlive the parent, however it ends."""
    global _make_grader
    _make_grader = functools.partial(Grader, unsafe, key=key, training=training, slots=slots, tell=tell)
    torch.set_num_threads(1)
    if sys.platform == "linux":
        linux.die_with_parent(parent)


def _grade_one(path: Path, only: Collection[str], earlier: Sequence[Outcome]) -> Result | GraderBroken:
    global _grader
    try:
        if _grader is None:
            _grader = _make_grader()
            atexit.register(_grader.close)
        result = _grader.grade(path, only=only, earlier=earlier)
        result.to_json()  # what cannot be written is a failure here, and not of the class
        return result
    except Exception as error:
        if _grader is not None:
            with contextlib.suppress(Exception):
                _grader.close()
            _grader = None  # the next submission gets a fresh one
        broken = isinstance(error, GraderBroken)
        return error if broken else GraderBroken(" ".join(f"{type(error).__name__}: {error}".split())[:500])
