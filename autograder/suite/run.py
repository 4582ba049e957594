"""Run the suite from Python, without output on the terminal."""

import contextlib
import io
import os
import traceback
from collections.abc import Callable, Collection, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch

from autograder.student.errors import SuiteError
from autograder.suite import plugin
from autograder.suite.collection import Tests, collected, run_tests
from autograder.suite.journal import Journal, Watched
from autograder.suite.outcome import Outcome
from autograder.suite.training import NOT_TRAINED, TrainingResult


@contextlib.contextmanager
def _for_small_modules() -> Iterator[None]:
    """Compute with one thread and without oneDNN and NNPACK, as workers do.

    Waiting threads of PyTorch do not sleep: on a busy machine, or in a container with less than all cores, two take
    several times the processor time of one. oneDNN compiles code for each shape, which takes longer than the few small
    convolutions of that shape. NNPACK, which would take its place for 16 images and more, is less exact: it rounds in
    the fifth digit.
    """
    threads, onednn = torch.get_num_threads(), torch.backends.mkldnn.enabled
    torch.set_num_threads(1)
    torch.backends.mkldnn.enabled = False
    try:
        with torch.backends.nnpack.flags(enabled=False):
            yield
    finally:
        torch.set_num_threads(threads)
        torch.backends.mkldnn.enabled = onednn


@_for_small_modules()
def run_suite(
    student: Any,
    folders: Collection[Path],
    *,
    only: Collection[str] | None = None,
    seed: int = 0,
    training: TrainingResult = NOT_TRAINED,
    marked: str = "",
    quiet: bool = True,
    until_failure: bool = False,
    journal: Journal | None = None,
    diagnose: plugin.Diagnose | None = None,
    follow: plugin.Follow | None = None,
    tell: Callable[[str], None] | None = None,
) -> list[Outcome]:
    """Run the tests in `folders` on `student` and return one outcome for each test function.

    Args:
        student: the student's classes, see `autograder.student`.
        folders: folders of test files, such as `tests/public`.
        only: the questions to run; all when None.
        seed: the tests draw their weights and inputs from it.
        training: for the tests that need it; without, they are deferred.
        marked: a marker expression as of `pytest -m`: only the tests that it matches.
        quiet: do not show what student code prints.
        until_failure: stop at the first test that loses points.
        journal: records the cases; those that it knows already are not run.
        diagnose: names the mistakes in a question whose checks fail, see `plugin.Diagnose`.
        follow: tells which checks fail because of them, see `plugin.Follow`; without, no check is said to.
        tell: called with the title of each test, before each of its cases.

    Raises:
        SuiteError: a test file is broken, or nothing was collected.
        GraderBroken: the grader itself failed.
    """
    journal = Journal() if journal is None else journal
    watched, recorder = Watched(student, journal), plugin.Recorder()
    with collected(folders, marked) as tests, _unseen() if quiet else contextlib.nullcontext():
        asked = [test for test in tests if only is None or plugin.question_of(test) in only]
        left = _not_known(asked, recorder, journal)
        if not left and not recorder.cases:
            raise SuiteError(f"there are no such tests in {', '.join(map(str, folders))}")
        stash = {plugin.STUDENT: watched, plugin.SEED: seed, plugin.TRAINING: training, plugin.DIAGNOSE: diagnose}
        with _stashed(tests[0].config, stash) as config:
            for test in run_tests(left, [recorder, _Run(journal, watched, tell)]):
                if (broken := config.stash.get(plugin.BROKEN, None)) is not None:
                    raise broken
                if until_failure and recorder.has_failed(test):
                    break
    if follow is not None:
        recorder.find_reasons(watched, follow)
    journal.cases = recorder.cases
    return recorder.outcomes()


def _not_known(tests: Tests, recorder: plugin.Recorder, journal: Journal) -> Tests:
    """The tests that must run, because the journal does not know how they end."""
    for test in tests:
        recorder.expect(test)
        if (case := plugin.case_id(test)) in journal.known:
            recorder.cases[case] = journal.known[case]
    return [test for test in tests if plugin.case_id(test) not in recorder.cases]


@contextlib.contextmanager
def _unseen() -> Iterator[None]:
    """Nothing that is printed is shown, and there is nothing to read."""
    with (
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
        open(os.devnull) as nothing,
        mock.patch("sys.stdin", nothing),
    ):
        yield


@contextlib.contextmanager
def _stashed(config: pytest.Config, values: dict[pytest.StashKey, Any]) -> Iterator[pytest.Config]:
    """Within this context the plugin finds these values; what it leaves is taken away too."""
    for key, value in values.items():
        config.stash[key] = value
    try:
        yield config
    finally:
        for key in (*values, plugin.BROKEN):
            if key in config.stash:
                del config.stash[key]


class _Run:
    """Tells the journal and others which case runs, and ends with each test what it asked of the student's code."""

    def __init__(self, journal: Journal, student: Watched, tell: Callable[[str], None] | None):
        self._journal, self._student, self._tell = journal, student, tell

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item):
        self._journal.current = plugin.case_id(item)
        self._journal.names[self._journal.current] = set()
        if self._tell is not None:
            self._tell(plugin.title_of(item))
        with self._student.on_behalf_of(plugin.question_of(item)):
            return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(self, call: pytest.CallInfo):
        """The frames of a test that failed hold what it computed; the error holds them, and they hold the error."""
        report = yield
        error, cleared = call.excinfo and call.excinfo.value, set()
        while error is not None and id(error) not in cleared:
            traceback.clear_frames(error.__traceback__)
            cleared.add(id(error))
            error = error.__context__
        return report

    @pytest.hookimpl(wrapper=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function):
        """What a test asked of the student's code in a worker, and did not wait for, is part of the test."""
        try:
            result = yield
            self._student.flush()
        finally:
            self._student.drop()
        return result
