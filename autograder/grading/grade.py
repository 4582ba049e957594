"""Grade one submission: run the tests, train where that is asked, and return a `Result`."""

import contextlib
import functools
import math
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from autograder.course.rubric import Rubric
from autograder.course.settings import load_course
from autograder.grading.charge import charge, is_better
from autograder.grading.delegated import find_delegated
from autograder.grading.edited_student import follow
from autograder.grading.result import Result, Training
from autograder.grading.seeds import ROOT, SUITE, secret_of, seed_of, suite_version
from autograder.grading.unreadable import judge_unreadable
from autograder.oracle import diagnosis_of
from autograder.sandbox.launcher import SandboxUnavailable, Zygote
from autograder.sandbox.limits import Limits
from autograder.sandbox.reader import read_confined
from autograder.sandbox.remote_student import RemoteStudent
from autograder.student.errors import GraderBroken, StudentCrash, StudentTimeout
from autograder.student.local import LocalStudent
from autograder.submission import (
    Reading,
    Slice,
    UnreadableSubmission,
    fingerprint,
    read_source,
    read_upload,
    resolve,
)
from autograder.submission.choose import HAND_IN_ONE
from autograder.submission.sanitize import utf8
from autograder.suite.outcome import Outcome, is_losing
from autograder.suite.run import run_suite as run_tests
from autograder.suite.training import TrainingResult
from autograder.training.context import TrainingContext, TrainingSetup
from autograder.training.evaluate import evaluate
from autograder.training.logits_check import REQUIRED_QUESTIONS
from autograder.training.slots import Slots

run_suite = functools.partial(run_tests, diagnose=diagnosis_of, follow=functools.partial(follow, SUITE))
GRADED_EARLIER = (
    "Graded as it stood after the last definition, or patch, of the four names, with every statement before that "
    "touches what they use, except one that gives such a name to an object, as `ResNet18 = ResNet18()` does. Read to "
    "its end, the submission loses more points."
)
SAY_WHICH = "Say which of these files counts with `grade FILE`; unpack a zip before."
SECONDS_OF_EARLIER = 10.0
"""For statements that may change needed names; some may run long."""
NO_CODE = Reading(Slice((), (), ()), Slice((), (), ()), "", {})

__all__ = ["ROOT", "SUITE", "Grader", "seed_of"]


class Grader:
    """Grades submissions one after the other; use as a context manager.

    Student code runs in confined workers and never in this process.

    Args:
        unsafe: grade although this machine cannot confine student code. Every result says so.
        limits: what a submission may use.
        key: the secret of the results folder, see `autograder.grading.seeds`.
        training: how networks are trained; without, that is deferred.
        slots: limits trainings at once, where there are other graders.
        zygote: starts the workers; it is not closed here. When None, one is started.
        tell: called with the progress of a training.
        rubric: what a named mistake costs; when None, what `course.toml` says.

    Raises:
        SandboxUnavailable: student code cannot be confined here, and `unsafe` is not given.
    """

    def __init__(
        self,
        unsafe: bool = False,
        limits: Limits | None = None,
        key: bytes = b"",
        training: TrainingSetup | None = None,
        slots: Slots | None = None,
        zygote: Zygote | None = None,
        tell: Callable[[str], None] = lambda line: None,
        rubric: Rubric | None = None,
    ):
        self._rubric = rubric or load_course().rubric
        self._unsafe, self._limits, self._key = unsafe, limits or Limits(), key
        self._context = None if training is None else TrainingContext(training, slots, tell, unsafe)
        self._cleanup = contextlib.ExitStack()
        self._zygote = zygote
        try:
            if zygote is None:
                self._zygote = self._cleanup.enter_context(Zygote(unsafe))
        except SandboxUnavailable:
            if not unsafe:
                raise
        if self._context is not None:
            self._cleanup.enter_context(contextlib.closing(self._context))

    def grade(
        self,
        path: Path,
        *,
        only: Collection[str] | None = None,
        earlier: Sequence[Outcome] = (),
        refused: str = "",
    ) -> Result:
        """Grade one submission; there is a result whatever it holds.

        Args:
            path: a `.ipynb`, a `.py`, the `.zip` that `grader.export()` makes, or a folder of one student's files.
            only: the questions to judge; all when None.
            earlier: outcomes of this file for questions that are not judged now, from the same tests.
            refused: why nothing is read, in a line for the student; "" if the file counts.
        """
        start = time.perf_counter()
        path = resolve(path)
        sha256 = fingerprint(path)
        reading = NO_CODE
        try:
            if refused:
                raise UnreadableSubmission(refused)
            reading = self._read(path)
        except UnreadableSubmission as error:
            status, problems, isolation = "unreadable", [str(error)], ()
            notes = (SAY_WHICH,) if refused or str(error).endswith(HAND_IN_ONE) else ()
            tests, training = judge_unreadable(str(error), SUITE, only, self._context), None
        else:
            notes = (reading.similar,) if reading.similar else ()
            with contextlib.ExitStack() as opened:
                first = student = opened.enter_context(self._open(reading))
                tests = self._judge(student, reading, sha256, only)
                for another in reading.earlier if is_losing(tests) else ():
                    other = opened.enter_context(self._open(another, SECONDS_OF_EARLIER))
                    again = self._judge(other, another, sha256, only)
                    if is_better(again, tests, self._rubric):
                        reading, student, tests = replace(another, file=reading.file), other, again
                        notes = (*notes, GRADED_EARLIER) if GRADED_EARLIER not in notes else notes
                    if not is_losing(tests):
                        break
                tests, training = self._train_if_asked(student, reading, sha256, only, earlier, tests)
                status, problems = _examine(reading.slice, student, first)
                isolation = student.isolation
        return Result.of(
            charge(tests, self._rubric),
            submission=utf8(path.name),
            file=reading.file,
            sha256=sha256,
            suite=suite_version(),
            status=status,
            seconds=round(time.perf_counter() - start, 2),
            isolation=(*(["unsafe"] if self._unsafe and status != "unreadable" else []), *isolation),
            problems=tuple(problems),
            notes=notes,
            training=training,
        )

    def close(self) -> None:
        """End every process that was started for grading."""
        self._cleanup.close()

    def __enter__(self) -> "Grader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self, path: Path) -> Reading:
        try:
            return read_source(read_upload(path)) if self._zygote is None else read_confined(path, self._zygote)
        except OSError as error:
            if not error.filename:
                raise
            raise GraderBroken(f"{utf8(str(error.filename))} cannot be read: {error.strerror}") from error

    def _open(
        self, reading: Reading, import_seconds: float = math.inf
    ) -> contextlib.AbstractContextManager[RemoteStudent | LocalStudent]:
        """Start a worker for a submission; its statements have so many seconds, at most, before any test runs."""
        if self._zygote is None:
            return contextlib.nullcontext(LocalStudent.from_slice(reading.slice))
        limits = replace(self._limits, import_seconds=min(self._limits.import_seconds, import_seconds))
        return RemoteStudent(reading.slice, limits, self._zygote)

    def _judge(self, student: Any, reading: Reading, sha256: str, only: Collection[str] | None) -> list[Outcome]:
        """Run the tests; those of a training only where none is set up, and then they are deferred."""
        marked = "" if self._context is None or (only is not None and "q4" not in only) else "not needs_cuda"
        seed = seed_of(sha256, self._key)
        outcomes = run_suite(student, SUITE, only=only, seed=seed, marked=marked)
        if refused := find_delegated(outcomes, reading.ready_made):
            student.refused.update(refused)
            again = {outcome.id: outcome for outcome in run_suite(student, SUITE, only=refused, seed=seed)}
            outcomes = [again.get(outcome.id, outcome) for outcome in outcomes]
        return outcomes

    def _train_if_asked(
        self,
        student: Any,
        reading: Reading,
        sha256: str,
        only: Collection[str] | None,
        earlier: Sequence[Outcome],
        outcomes: list[Outcome],
    ) -> tuple[list[Outcome], Training | None]:
        """Where q4 is asked and training is set up, train, and run the test of the accuracy after the others."""
        if self._context is None or (only is not None and "q4" not in only):
            return outcomes, None
        known = [*(old for old in earlier if only is not None and old.question not in only), *outcomes]
        result = self._train(student, reading, sha256, known)
        seed = seed_of(sha256, self._key)
        outcomes += run_suite(student, SUITE, only=["q4"], seed=seed, training=result, marked="needs_cuda")
        fields = {name: getattr(result, name) for name in Training.model_fields}
        return outcomes, None if result.accuracy is None else Training(**fields)

    def _train(self, student: Any, reading: Reading, sha256: str, known: list[Outcome]) -> TrainingResult:
        """Train the network; first judge the questions that the training needs, where their outcomes are unknown."""
        if self._context.unavailable_reason is None:
            unknown = set(REQUIRED_QUESTIONS) - {outcome.question for outcome in known}
            known += run_suite(student, SUITE, only=unknown, seed=seed_of(sha256, self._key)) if unknown else []
        return evaluate(self._context, reading, secret_of(sha256, self._key), known, student)


def _examine(slice_: Slice, student: Any, first: Any) -> tuple[str, list[str]]:
    """Status and problems of a submission that could be read; of an earlier slice, those that the `first` has too."""
    try:
        missing, raised = [name for name in slice_.missing if not student.defines(name)], list(student.problems)
        raised = raised if student is first else [problem for problem in raised if problem in first.problems]
        status = "incomplete" if missing else "graded"
    except (StudentCrash, StudentTimeout) as failure:
        status, missing, raised = "crashed", list(slice_.missing), [str(failure)]
    made = tuple(f"`{name}`: " for name in slice_.missing if name not in missing)  # by a name that is computed
    known = [problem for problem in slice_.problems if not problem.startswith(made)]
    return status, [*(f"`{name}` is not defined." for name in missing), *known, *raised]
