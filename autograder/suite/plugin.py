"""The pytest plugin: the `student` fixture, the markers, and messages that a student can read.

`run_suite` uses it in the grader and in the notebook; a student's plain `pytest` uses it through `conftest.py`.
"""

import warnings
import zlib
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from autograder.contract import QUESTIONS
from autograder.oracle import diagnosis_of
from autograder.student.errors import NOT_ABOUT_THE_CODE, GraderBroken, SuiteError
from autograder.student.local import LocalStudent, NotDefined
from autograder.student.message import CheckFailure, Message, as_text
from autograder.submission import UnreadableSubmission
from autograder.suite.explain import explain, place_of_own_error
from autograder.suite.foreign import find_shortcut_from_outside
from autograder.suite.outcome import Case, Outcome, combine
from autograder.suite.own_lines import lines_of
from autograder.suite.summary import headline, outlook, result_as_text
from autograder.suite.training import NOT_TRAINED, TrainingResult

STUDENT = pytest.StashKey()
"""The student's classes, from `run_suite`; empty when a student runs `pytest`."""
SEED = pytest.StashKey[int]()
TRAINING = pytest.StashKey[TrainingResult]()
BROKEN = pytest.StashKey[GraderBroken]()
"""Why the run stopped, where that is not the student's fault."""
CASE = pytest.StashKey[Case]()
RECORDER = "suite-recorder"
"""The name under which a `Recorder` is registered."""
Diagnose = Callable[[Any, str], Any]
"""Finds the mistakes in a question, by the student's classes and its name: an object with `names`, `sentences` and
`layers`, or None."""
DIAGNOSE = pytest.StashKey[Diagnose | None]()
Follow = Callable[[Any, str, Mapping[str, Case]], Mapping[str, Case]]
"""Finds out which cases of a question, by `case_id`, fail because of the mistakes that were diagnosed in it; returns
those that change."""


def every_case(_student: Any, _question: str, cases: Mapping[str, Case]) -> dict[str, Case]:
    """All of them: a diagnosis reproduces all that the question's class does. For students; graders prove it."""
    return {name: replace(case, because=case.mistakes) for name, case in cases.items()}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--submission",
        default="assignment/resnet.ipynb",
        help="the notebook or .py file to check (default: assignment/resnet.ipynb)",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "question(id): the question that this test belongs to")
    config.addinivalue_line("markers", "points(n): what the test is worth when every case passes")
    config.addinivalue_line("markers", "forward: compares what the student's class computes with the reference")
    config.addinivalue_line("markers", "needs_cuda: judges a training; deferred where there is none")
    config.pluginmanager.register(Recorder(), RECORDER)


@pytest.fixture(scope="session")
def student(request: pytest.FixtureRequest):
    """The student's classes; see `autograder.student`."""
    given = request.config.stash.get(STUDENT, None)
    if given is not None:
        return given
    torch.set_num_threads(1)  # as `run_suite` does
    try:
        return LocalStudent.from_file(Path(request.config.getoption("--submission")))
    except UnreadableSubmission as error:
        pytest.exit(str(error), returncode=2)


@pytest.fixture
def training(request: pytest.FixtureRequest) -> TrainingResult:
    """The result of training the student's network; a test that uses it is marked `needs_cuda`, and deferred without.

    What the student's code raised in the training is raised here, and so becomes the outcome of the test.
    """
    result = request.config.stash.get(TRAINING, NOT_TRAINED)
    if result.deferred:
        pytest.skip(f"Deferred: {result.deferred}")
    if result.failure is not None:
        raise result.failure
    return result


def question_of(item: pytest.Item) -> str | None:
    """The question that a test belongs to; None for tests that are not part of the suite."""
    marker = item.get_closest_marker("question")
    return marker.args[0] if marker else None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    if question_of(item) is None:
        return
    # A seed of its own for each test, whichever other tests run: the same submission gets the same score.
    # (torch.manual_seed would also record a stack trace for CUDA, which takes longer than many tests.)
    seed = zlib.crc32(case_id(item).encode()) ^ item.config.stash.get(SEED, 0)
    torch.default_generator.manual_seed(seed)
    given = item.config.stash.get(STUDENT, None)
    if given is None:
        return
    if (reason := given.refused.get(question_of(item))) is not None:
        raise CheckFailure(reason)
    # pytest takes several times as long to find each of them.
    item.funcargs.update(item.callspec.params if hasattr(item, "callspec") else {}, student=given)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo):
    report = yield
    if question_of(item) is None or (report.when != "call" and report.passed):
        return report
    if report.skipped:
        item.stash[CASE] = Case("deferred", Message(got=str(call.excinfo.value)))
    elif report.passed:
        item.stash[CASE] = Case("passed")
    elif (broken := _own_failure(item, call.excinfo.value)) is not None:
        item.config.stash[BROKEN] = item.session.shouldstop = broken
    else:
        item.stash[CASE] = _failed_case(item, call)
        report.longrepr = as_text(item.stash[CASE].message)
    return report


def _own_failure(item: pytest.Item, error: Exception) -> GraderBroken | None:
    """What a check raised, where the grader and not the student's code is the reason."""
    if isinstance(error, GraderBroken):
        return error
    if isinstance(error, pytest.FixtureLookupError):
        place = f"it asks for an argument {error.argname!r}, which does not exist"
    else:
        place = place_of_own_error(error, item.funcargs.get("student"))
    return SuiteError(f"the check {case_id(item)} is broken: {place}") if place else None


def _failed_case(item: pytest.Item, call: pytest.CallInfo) -> Case:
    error = call.excinfo.value
    compares = item.get_closest_marker("forward") is not None
    if isinstance(error, (*NOT_ABOUT_THE_CODE, NotDefined)):  # no mistake explains it
        return Case(*explain(error), differs=compares and not isinstance(error, NotDefined))
    student = item.funcargs.get("student")
    parameters = item.callspec.params if hasattr(item, "callspec") else {}
    diagnosis = _diagnosis(item, student) if call.when == "call" and student is not None else None
    if student is not None and len(getattr(error, "mistakes", ())) <= 1:  # a projection that is missing, at most
        named = diagnosis.names if diagnosis is not None else ()
        error = find_shortcut_from_outside(student, question_of(item), parameters, named) or error
    case = Case(*explain(error), differs=compares)
    named_by_check = bool(case.mistakes)  # and proved by it
    if diagnosis is not None:
        case = _name_mistakes(item, student, case, diagnosis)
    return replace(case, because=case.mistakes) if named_by_check else case


def _diagnosis(item: pytest.Item, student: Any) -> Any:
    """The mistakes that explain what the class of the item's question does; None where they are not known."""
    diagnose = item.config.stash.get(DIAGNOSE, diagnosis_of)
    return None if diagnose is None else diagnose(student, question_of(item))


def _name_mistakes(item: pytest.Item, student: Any, case: Case, diagnosis: Any) -> Case:
    """A case that failed, with the mistakes that explain what the question's class does."""
    if case.mistakes and case.mistakes != diagnosis.names:
        return case
    where = case.message.where or lines_of(student, question_of(item), diagnosis.layers)
    message = replace(case.message, mistake="\n".join(diagnosis.sentences), where=where)
    return replace(case, mistakes=diagnosis.names, message=message)


class Recorder:
    """Collects the cases of each test function of the suite."""

    def __init__(self):
        self._tests: dict[str, tuple[str, str, float]] = {}
        self._order: dict[str, str] = {}
        """The test of each case, in the order of the files."""
        self.cases: dict[str, Case] = {}
        """Every case so far, by `case_id`."""

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        for item in session.items:
            if question_of(item):
                self.expect(item)

    def expect(self, item: pytest.Item) -> None:
        """Record question, title and points of this item, before it runs."""
        question, points = question_of(item), item.get_closest_marker("points")
        if question not in QUESTIONS or points is None:
            raise pytest.UsageError(f"{item.nodeid}: a test of the suite needs a known question and points")
        self._tests[suite_id(item)] = (question, title_of(item), float(points.args[0]))
        self._order[case_id(item)] = suite_id(item)

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> None:
        if CASE in item.stash:  # which another run of the same item must not find
            self.cases[case_id(item)] = item.stash[CASE]
            del item.stash[CASE]

    def has_failed(self, item: pytest.Item) -> bool:
        """Whether this item has run, and loses points."""
        return (case := self.cases.get(case_id(item))) is not None and case.outcome not in ("passed", "deferred")

    def find_reasons(self, student: Any, follow: Follow) -> None:
        """Tell the cases that fail because of a diagnosed mistake from those that have another reason."""
        for question in QUESTIONS:
            named = {
                id: self.cases[id]
                for id, test in self._order.items()
                if self._tests[test][0] == question and id in self.cases and self.cases[id].mistakes
            }
            try:
                self.cases |= follow(student, question, named) if named else {}
            except GraderBroken:
                raise
            except Exception as error:  # the checks stand, and each is charged by itself
                text = f"{question}: the checks that fail because of a mistake cannot be told from others: {error!r}"
                warnings.warn(text, RuntimeWarning, stacklevel=2)

    def outcomes(self) -> list[Outcome]:
        """One outcome for each test function that ran."""
        cases: dict[str, list[Case]] = defaultdict(list)
        for case, test in self._order.items():
            if case in self.cases:
                cases[test].append(self.cases[case])
        return [combine(test, *self._tests[test], mine) for test, mine in cases.items()]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        self.find_reasons(None, every_case)
        outcomes = self.outcomes()
        if not outcomes:
            return
        by_question = {q: [outcome for outcome in outcomes if outcome.question == q] for q in QUESTIONS}
        asked = {question: mine for question, mine in by_question.items() if mine}
        for question, mine in asked.items():
            terminalreporter.line("")
            terminalreporter.line(result_as_text(question, mine))
        terminalreporter.section("points")
        for question, mine in asked.items():
            terminalreporter.line(f"{headline(question, mine)}. {outlook(question, mine)}".rstrip())


def title_of(item: pytest.Item) -> str:
    """The first line of the test's docstring."""
    return (item.function.__doc__ or item.originalname).strip().splitlines()[0]


def suite_id(item: pytest.Item) -> str:
    """`hidden/test_q1_hidden.py::test_forward`: the test function, relative to the suite's folder."""
    return f"{item.path.parent.name}/{item.path.name}::{item.originalname}"


def case_id(item: pytest.Item) -> str:
    """The test function and its parameters; distinct for each item of the suite."""
    return f"{suite_id(item)} {item.name}"
