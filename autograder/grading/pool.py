"""Submissions graded in parallel, each process with a sandbox of its own."""

import atexit
import contextlib
import functools
import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
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
    with (
        _passed_on(news, tell),
        ProcessPoolExecutor(workers, context, initializer=_start_process, initargs=start) as pool,
    ):
        futures = {
            pool.submit(_grade_one, path, only, [*(earlier or {}).get(path, ())]): path for path, only in todo.items()
        }
        for future in as_completed(futures):
            yield futures[future], future.result()


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
        return _grader.grade(path, only=only, earlier=earlier)
    except GraderBroken as broken:
        if _grader is not None:
            _grader.close()
            _grader = None  # the next submission gets a fresh one
        return broken
