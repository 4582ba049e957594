"""Where the time of grading one submission goes: `python -m benchmarks.profile_one SUBMISSION ...`.

For each submission, after one run that fills caches: processor seconds of the grader and of its workers by stage, the
requests to the worker by operation, and the test functions that cost most. Processor seconds depend on the load of the
machine less than a clock does; seconds of a request are wall-clock time, as the grader waits for it.
"""

import argparse
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from unittest import mock

import pytest
import torch
from rich.console import Console
from rich.table import Table

from autograder.grading.grade import Grader
from autograder.sandbox.session import Session
from autograder.suite import run as suite
from benchmarks.processor import processor_seconds

READ_STAGE, SUITE_STAGE, WORKER_STAGE = "read and slice", "the suite, in the grader", "the suite, in the worker"
SLOWEST = 12
"""Test functions to list."""


class Profile:
    """What one grading cost."""

    def __init__(self):
        self.stages: dict[str, float] = defaultdict(float)
        self.tests: dict[str, list[float]] = defaultdict(lambda: [0.0, 0.0])
        """By test function: seconds in the grader and in the worker."""
        self.worker: int | None = None
        """Process of the worker that has answered last."""
        self.requests: dict[str, list[float]] = defaultdict(lambda: [0, 0.0, 0.0, 0.0])
        """By operation: count, seconds, megabytes sent, megabytes received."""

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Within this context, requests, stages and tests are measured."""
        run = suite.run_tests
        with (
            mock.patch.object(Session, "_exchange", self._request(Session._exchange)),
            mock.patch.object(Grader, "_read", self._stage(READ_STAGE, Grader._read, processor_seconds)),
            mock.patch.object(Grader, "_judge", self._stage(SUITE_STAGE, Grader._judge, time.process_time)),
            mock.patch.object(suite, "run_tests", lambda tests, plugins: run(tests, [*plugins, self])),
        ):
            yield

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item):
        """Measure one test."""
        row, worker = self.tests[f"{item.path.stem} {item.originalname}"], self.worker
        grader_began, worker_began = time.process_time(), seconds_of(worker)
        result = yield
        row[0] += time.process_time() - grader_began
        row[1] += seconds_of(self.worker) - (worker_began if worker == self.worker else 0.0)
        return result

    def _stage(self, name: str, function: Callable, clock: Callable[[], float]) -> Callable:
        def measured(*args, **kwargs):
            began = clock()
            try:
                return function(*args, **kwargs)
            finally:
                self.stages[name] += clock() - began

        return measured

    def _request(self, exchange: Callable) -> Callable:
        def measured(session, requests, seconds):
            began, row = time.perf_counter(), self.requests[requests[-1].operation]
            self.worker = session._worker.pid
            row[0] += 1
            row[2] += sum(len(request.body) for request in requests) / 1e6
            try:
                reply = exchange(session, requests, seconds)
                row[3] += _megabytes(reply[1])
                return reply
            finally:
                row[1] += time.perf_counter() - began

        return measured


def seconds_of(pid: int | None) -> float:
    """Processor time of another process; 0 where it has ended. See `clock_getcpuclockid(3)`."""
    try:
        return 0.0 if pid is None else time.clock_gettime(~pid << 3 | 2)
    except OSError:
        return 0.0


def _megabytes(tensors: dict[str, torch.Tensor]) -> float:
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors.values()) / 1e6


def profile(grader: Grader, submission: Path) -> Profile:
    """Grade a submission twice, and measure the second time."""
    grader.grade(submission)
    found = Profile()
    began = processor_seconds()
    with found.watching():
        grader.grade(submission)
    everything = processor_seconds() - began
    found.stages[WORKER_STAGE] = everything - found.stages[SUITE_STAGE] - found.stages[READ_STAGE]
    found.stages["all"] = everything
    return found


def print_profile(name: str, found: Profile, console: Console) -> None:
    """Three tables: stages, requests, tests."""
    stages = Table("stage", "CPU s", title=name)
    for stage, seconds in found.stages.items():
        stages.add_row(stage, f"{seconds:.2f}")
    requests = Table("request", "count", "s", "MB sent", "MB received")
    totals = [sum(column) for column in zip(*found.requests.values(), strict=True)]
    for operation, row in sorted(found.requests.items(), key=lambda item: -item[1][1]):
        requests.add_row(operation, str(row[0]), *(f"{value:.2f}" for value in row[1:]))
    requests.add_row("all", str(totals[0]), *(f"{value:.2f}" for value in totals[1:]))
    tests = Table("test function", "grader, CPU s", "worker, CPU s")
    for test, row in sorted(found.tests.items(), key=lambda item: -sum(item[1]))[:SLOWEST]:
        tests.add_row(test, *(f"{seconds:.3f}" for seconds in row))
    for table in (stages, requests, tests):
        console.print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("submissions", nargs="+", type=Path)
    torch.set_num_threads(1)
    with Grader() as grader:
        for submission in parser.parse_args().submissions:
            print_profile(submission.name, profile(grader, submission), Console())


if __name__ == "__main__":
    main()
