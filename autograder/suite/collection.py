"""The tests of some folders, collected once by pytest and run for as many submissions as there are."""

import contextlib
import io
import itertools
import os
import sys
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from unittest import mock

import pytest

from autograder.student.errors import SuiteError
from autograder.suite.plugin import RECORDER

UNUSED = (
    *("cacheprovider", "debugging", "doctest", "faulthandler", "junitxml", "legacypath", "logging", "pastebin"),
    *("setuponly", "setupplan", "stepwise", "subtests", "terminal", "threadexception", "unittest"),
    "unraisableexception",
)
"""Plugins of pytest that do nothing here; together they take longer than the tests of two questions."""
KEPT = 4
"""Collections to keep, the latest ones."""
Tests = list[pytest.Item]
_kept: dict[tuple, Tests] = {}


@contextlib.contextmanager
def collected(folders: Collection[Path], marked: str = "") -> Iterator[Tests]:
    """The tests in `folders` for one run; they are kept for the next one, if this run ends as it should.

    A run within a run collects its own.

    Args:
        folders: folders of test files, such as `tests/public`.
        marked: a marker expression as of `pytest -m`: only the tests that it matches.

    Raises:
        SuiteError: a test file is broken, or nothing was collected.
    """
    key = (*map(str, folders), marked, _version(folders))
    tests = _kept.pop(key, None) or _collect(folders, marked)
    yield tests
    _kept[key] = tests
    while len(_kept) > KEPT:
        del _kept[next(iter(_kept))]


LAST = ("last_exc", "last_type", "last_value", "last_traceback")
"""Where pytest leaves the last failure in `sys`, for debuggers, with all that the frames of its traceback hold."""


def run_tests(tests: Sequence[pytest.Item], plugins: Collection[object]) -> Iterator[pytest.Item]:
    """Run tests one by one, with some plugins more; yields each that has run."""
    if not tests:
        return
    manager = tests[0].config.pluginmanager
    for plugin in plugins:
        # pytest's own `register` tells other plugins, and so keeps this one, with all that it holds, for ever.
        super(pytest.PytestPluginManager, manager).register(plugin)
    last = {name: vars(sys).pop(name) for name in LAST if name in vars(sys)}
    try:
        for test, following in itertools.zip_longest(tests, tests[1:]):
            test.ihook.pytest_runtest_protocol(item=test, nextitem=following)
            yield test
    finally:
        tests[0].session._setupstate.teardown_exact(None)  # of what the tests have in common, wherever this stops
        for plugin in plugins:
            manager.unregister(plugin)
        for name in LAST:
            vars(sys).pop(name, None)
        vars(sys).update(last)


def _collect(folders: Collection[Path], marked: str) -> Tests:
    root = next(iter(folders)).parent
    # Without `--confcutdir` pytest lists every folder on the way from / to the tests: thousands of files in /tmp, say.
    arguments = [*map(str, folders), "-c", os.devnull, f"--rootdir={root}", f"--confcutdir={root}", "--noconftest"]
    for unused in UNUSED:
        arguments += ["-p", f"no:{unused}"]
    arguments += ["--assert=plain", "--import-mode=importlib", "--capture=no", "-m", marked]
    arguments += ["-p", "autograder.suite.plugin"]
    keeper, complaint = _Keeper(), io.StringIO()
    only_ours = mock.patch.dict(os.environ, PYTEST_DISABLE_PLUGIN_AUTOLOAD="1")
    with contextlib.redirect_stderr(complaint), contextlib.redirect_stdout(io.StringIO()), only_ours:
        status = pytest.main(arguments, plugins=[keeper])
    if status != pytest.ExitCode.OK or not keeper.tests:
        _forget_modules(folders)
        raise SuiteError(f"the tests in {', '.join(map(str, folders))} did not run: {complaint.getvalue() or status!r}")
    return keeper.tests


class _Keeper:
    """Takes the tests that pytest has collected, instead of running them."""

    def __init__(self):
        self.tests: Tests = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        self.tests = list(session.items)
        session.config.pluginmanager.unregister(name=RECORDER)  # each run has its own
        session.config.pluginmanager.unregister(name="capturemanager")  # it captures until pytest ends, which is now
        for test in self.tests:
            test.repr_failure = _no_source
        return True

    def pytest_configure(self, config: pytest.Config) -> None:
        config.option.tbstyle = "line"  # where the setup of a test fails


def _no_source(excinfo: pytest.ExceptionInfo) -> str:
    """Instead of the source lines around a failure, which take longer than the test: messages are the plugin's."""
    return ""


def _version(folders: Collection[Path]) -> tuple:
    """Changes when a test file does."""
    files = [file for folder in folders for file in sorted(folder.rglob("*.py"))]
    return tuple((str(file), status.st_mtime_ns, status.st_size) for file in files if (status := file.stat()))


def _forget_modules(folders: Collection[Path]) -> None:
    """Forget test files: one that failed half-way would be found, without its tests, by the next run."""
    for name, module in list(sys.modules.items()):
        file = getattr(module, "__file__", None)
        if file and any(Path(file).is_relative_to(folder) for folder in folders):
            del sys.modules[name]
