"""Run the suite from Python, without output on the terminal."""

import contextlib
import io
import os
import sys
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import torch

from autograder.student.errors import SuiteError
from autograder.suite import plugin
from autograder.suite.journal import Journal, Watched
from autograder.suite.outcome import Outcome
from autograder.suite.training import NOT_TRAINED, TrainingResult

UNUSED = (
    *("cacheprovider", "debugging", "doctest", "faulthandler", "junitxml", "legacypath", "logging", "pastebin"),
    *("setuponly", "setupplan", "stepwise", "subtests", "terminal", "threadexception", "unittest"),
    "unraisableexception",
)
"""Plugins of pytest that do nothing here; together they take longer than the tests of two questions."""


@contextlib.contextmanager
def _one_thread() -> Iterator[None]:
    """Compute with one thread: the modules are small, and waiting threads of PyTorch do not sleep.

    On a busy machine, or in a container with less than all cores, that takes several times the processor time.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


@_one_thread()
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

    Raises:
        SuiteError: a test file is broken, or nothing was collected.
        GraderBroken: the grader itself failed.
    """
    binding = _Binding(student, only, seed, training, Journal() if journal is None else journal, diagnose)
    capture = "--capture=sys" if quiet else "--capture=no"
    root = next(iter(folders)).parent
    # Without `--confcutdir` pytest lists every folder on the way from / to the tests: thousands of files in /tmp, say.
    arguments = [*map(str, folders), "-c", os.devnull, f"--rootdir={root}", f"--confcutdir={root}", "--noconftest"]
    for unused in UNUSED:
        arguments += ["-p", f"no:{unused}"]
    arguments += ["--assert=plain", "--import-mode=importlib", capture, *(["-x"] if until_failure else [])]
    arguments += ["-m", marked]
    arguments += ["-p", "autograder.suite.plugin"]
    complaint = io.StringIO()
    # pytest captures what tests print, and not what a diagnosis does.
    unseen = contextlib.redirect_stdout(io.StringIO()) if quiet else contextlib.nullcontext()
    only_ours = mock.patch.dict(os.environ, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    with contextlib.redirect_stderr(complaint), unseen, only_ours:
        status = pytest.main(arguments, plugins=[binding])
    if binding.config is not None and (broken := binding.config.stash.get(plugin.BROKEN, None)) is not None:
        raise broken
    none_left = status == pytest.ExitCode.NO_TESTS_COLLECTED and binding.recorder.cases
    if status not in (pytest.ExitCode.OK, pytest.ExitCode.TESTS_FAILED) and not none_left:
        _forget_modules(folders)
        raise SuiteError(f"the tests in {', '.join(map(str, folders))} did not run: {complaint.getvalue() or status!r}")
    if follow is not None:
        binding.recorder.find_reasons(binding.student, follow)
    binding.journal.cases = binding.recorder.cases
    return binding.recorder.outcomes()


def _no_source(excinfo: pytest.ExceptionInfo) -> str:
    """Instead of the source lines around a failure, which take longer than the test: messages are the plugin's."""
    return ""


def _forget_modules(folders: Collection[Path]) -> None:
    """Forget test files: one that failed half-way would be found, without its tests, by the next run."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and any(Path(file).is_relative_to(folder) for folder in folders):
            del sys.modules[name]


class _Binding:
    """Passes the student's classes to the plugin, and keeps the recorder after pytest has finished."""

    def __init__(
        self,
        student: Any,
        only: Collection[str] | None,
        seed: int,
        training: TrainingResult,
        journal: Journal,
        diagnose: plugin.Diagnose | None,
    ):
        self.student, self.only, self.seed, self.training = Watched(student, journal), only, seed, training
        self.journal, self.diagnose = journal, diagnose
        self.recorder: plugin.Recorder
        self.config: pytest.Config | None = None

    @pytest.hookimpl(trylast=True)
    def pytest_configure(self, config: pytest.Config) -> None:
        self.config = config
        config.option.tbstyle = "line"  # where the setup of a test fails
        config.stash[plugin.STUDENT] = self.student
        config.stash[plugin.SEED] = self.seed
        config.stash[plugin.TRAINING] = self.training
        config.stash[plugin.DIAGNOSE] = self.diagnose
        self.recorder = config.pluginmanager.get_plugin("suite-recorder")

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> None:
        self.journal.current = plugin.case_id(item)
        self.journal.names[self.journal.current] = set()

    @pytest.hookimpl(wrapper=True)
    def pytest_pyfunc_call(self, pyfuncitem: pytest.Function):
        """What a test asked of the student's code in a worker, and did not wait for, is part of the test."""
        try:
            result = yield
            self.student.flush()
        finally:
            self.student.drop()
        return result

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        if self.only is not None:
            items[:] = [item for item in items if plugin.question_of(item) in self.only]
        for item in items:
            item.repr_failure = _no_source
            self.recorder.expect(item)
            if (case := plugin.case_id(item)) in self.journal.known:
                self.recorder.cases[case] = self.journal.known[case]
        items[:] = [item for item in items if plugin.case_id(item) not in self.recorder.cases]
