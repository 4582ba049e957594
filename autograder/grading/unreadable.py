"""The outcomes of a submission without code: known without running its tests."""

import functools
from collections.abc import Collection
from dataclasses import replace
from pathlib import Path

from autograder.student.local import NotDefined
from autograder.student.message import Message
from autograder.student.no_submission import NoSubmission
from autograder.suite.journal import Journal
from autograder.suite.outcome import Case, Outcome
from autograder.suite.run import run_suite
from autograder.suite.training import NOT_TRAINED, TrainingResult
from autograder.training.context import TrainingContext

NO_CODE = NotDefined(Message())


def judge_unreadable(
    reason: str, folders: tuple[Path, ...], only: Collection[str] | None, context: TrainingContext | None = None
) -> list[Outcome]:
    """Return what `run_suite` finds with `NoSubmission`: every test fails for `reason`.

    Args:
        folders, only: as of `run_suite`.
        context: how networks are trained; without, the test of the accuracy is deferred.
    """
    if context is None:
        training = NOT_TRAINED
    elif context.unavailable_reason is not None:
        training = TrainingResult(deferred=context.unavailable_reason)
    else:
        training = TrainingResult(failure=NO_CODE)
    message = Message(got=reason).shorten()
    tests = _find_tests(folders, None if only is None else frozenset(only), training)
    return [test if test.outcome == "deferred" else replace(test, message=message) for test in tests]


@functools.cache
def _find_tests(folders: tuple[Path, ...], only: frozenset[str] | None, training: TrainingResult) -> list[Outcome]:
    """Once in a process, because it takes a second; only the test of the accuracy is run."""
    nothing, journal = NoSubmission(""), Journal(known=_EveryCase())
    tests = run_suite(nothing, folders, only=only, journal=journal)
    if only is not None and "q4" not in only:
        return tests
    accuracy = run_suite(nothing, folders, only=["q4"], marked="needs_cuda", training=training)
    return [*(test for test in tests if test.id not in {other.id for other in accuracy}), *accuracy]


class _EveryCase(dict[str, Case]):
    """Says of every case that it failed, so that none is run."""

    def __contains__(self, case: object) -> bool:
        return True

    def __missing__(self, case: str) -> Case:
        return Case("failed")
