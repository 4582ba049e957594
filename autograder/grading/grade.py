"""One submission in, one `Grade` out."""

import functools
import hashlib
import hmac
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from autograder.contract import QUESTIONS
from autograder.sandbox.launcher import SandboxUnavailable, Zygote
from autograder.sandbox.limits import Limits
from autograder.sandbox.remote_student import RemoteStudent
from autograder.student.errors import StudentCrash, StudentTimeout
from autograder.student.message import Message
from autograder.student.no_submission import NoSubmission
from autograder.student.unconfined import UnconfinedStudent
from autograder.submission import (
    Slice,
    UnreadableSubmission,
    fingerprint,
    read_submission,
    slice_submission,
)
from autograder.suite.outcome import Outcome
from autograder.suite.run import run_suite
from autograder.suite.training import TrainingResult
from autograder.training.context import TrainingContext, TrainingSetup
from autograder.training.evaluate import evaluate
from autograder.training.logits_check import REQUIRED_QUESTIONS
from autograder.training.seeds import derive
from autograder.training.slots import Slots

ROOT = Path(__file__).resolve().parents[2]
SUITE = (ROOT / "tests" / "public", ROOT / "tests" / "hidden")


@dataclass(frozen=True)
class Grade:
    """What became of one submission; `to_json()` is what a result file holds.

    status is "graded"; "incomplete" (names are missing, what exists is graded); "unreadable" (no code could be
    read); or "crashed" (the code died or hung before the first test).
    """

    submission: str
    sha256: str
    status: str
    seconds: float
    isolation: tuple[str, ...]
    problems: tuple[str, ...]
    outcomes: tuple[Outcome, ...] = field(repr=False)
    training: dict[str, Any] | None = None
    """What the training measured; None where there was none."""

    @property
    def score(self) -> float:
        """Points earned."""
        return sum(outcome.points for outcome in self.outcomes)

    @property
    def possible(self) -> float:
        """Points that could be earned on this machine: deferred tests are left out."""
        return sum(outcome.possible for outcome in self.outcomes)

    def of_question(self, question: str) -> list[Outcome]:
        """The outcomes of one question, in the order in which they ran."""
        return [outcome for outcome in self.outcomes if outcome.question == question]

    def to_json(self) -> dict[str, Any]:
        """The grade as plain JSON values."""
        questions = {}
        for question in QUESTIONS:
            if mine := self.of_question(question):
                questions[question] = {
                    "score": sum(o.points for o in mine),
                    "possible": sum(o.possible for o in mine),
                }
        return {
            "submission": self.submission,
            "sha256": self.sha256,
            "status": self.status,
            "score": self.score,
            "possible": self.possible,
            "seconds": round(self.seconds, 2),
            "isolation": list(self.isolation),
            "problems": list(self.problems),
            "questions": questions,
            "training": self.training,
            "tests": [asdict(outcome) for outcome in self.outcomes],
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Grade":
        """The reverse of `to_json`."""
        outcomes = tuple(
            Outcome(**{**test, "message": Message(**test["message"]), "mistakes": tuple(test["mistakes"])})
            for test in data["tests"]
        )
        plain = {key: data[key] for key in ("submission", "sha256", "status", "seconds")}
        lists = {key: tuple(data[key]) for key in ("isolation", "problems")}
        return cls(**plain, **lists, outcomes=outcomes, training=data.get("training"))


class Grader:
    """Grades submissions one after the other; use as a context manager.

    Student code runs in confined workers and never in this process.

    Args:
        unsafe: grade although this machine cannot confine student code. Every result says so.
        limits: what a submission may use.
        key: a secret of the grader's, see `seed_of`.
        training: how networks are trained; without, that is deferred.
        slots: limits trainings at once, where there are other graders.
        tell: called with the progress of a training.

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
        tell: Callable[[str], None] = lambda line: None,
    ):
        self._unsafe, self._limits, self._key = unsafe, limits or Limits(), key
        self._context = None if training is None else TrainingContext(training, slots, tell, unsafe)
        self._zygote: Zygote | None = None
        try:
            self._zygote = Zygote(unsafe)
        except SandboxUnavailable:
            if not unsafe:
                raise

    def grade(self, path: Path, *, only: Collection[str] | None = None, earlier: Sequence[Outcome] = ()) -> Grade:
        """Grade one submission; whatever it holds, there is a grade.

        Args:
            path: a `.ipynb`, a `.py`, or the `.zip` that `grader.export()` makes.
            only: the questions to judge; all when None.
            earlier: what this very file got for questions that are not judged now, from the same tests.
        """
        start = time.perf_counter()
        try:
            submission = read_submission(path)
        except UnreadableSubmission as error:
            absent = NoSubmission(str(error))
            judged = _Judged("unreadable", (), (str(error),), tuple(run_suite(absent, SUITE, only=only)))
            return judged.grade(path.name, fingerprint(path), start)
        slice_ = slice_submission(submission)
        with self._open(slice_) as student:
            judged = self._grade_slice(slice_, student, only, submission.sha256, earlier)
        return judged.grade(submission.name, submission.sha256, start)

    def close(self) -> None:
        """End every process that was started for grading."""
        if self._zygote is not None:
            self._zygote.close()
        if self._context is not None:
            self._context.close()

    def __enter__(self) -> "Grader":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self, slice_: Slice) -> "RemoteStudent | UnconfinedStudent":
        return UnconfinedStudent(slice_) if self._zygote is None else RemoteStudent(slice_, self._limits, self._zygote)

    def _grade_slice(
        self, slice_: Slice, student: Any, only: Collection[str] | None, sha256: str, earlier: Sequence[Outcome]
    ) -> "_Judged":
        missing = [f"`{name}` is not defined." for name in slice_.missing]
        status = "incomplete" if missing else "graded"
        try:
            raised = list(student.problems)
        except (StudentCrash, StudentTimeout) as failure:
            status, raised = "crashed", [str(failure)]
        seed = seed_of(sha256, self._key)
        trains = self._context is not None and (only is None or "q4" in only)
        outcomes = run_suite(student, SUITE, only=only, seed=seed, marked="not needs_cuda" if trains else "")
        record = None
        if trains:
            result = self._train(student, slice_, sha256, earlier, outcomes)
            outcomes += run_suite(student, SUITE, only=["q4"], seed=seed, training=result, marked="needs_cuda")
            record = _record(result)
        isolation = (*(["unsafe"] if self._unsafe else []), *student.isolation)
        problems = (*missing, *slice_.problems, *raised)
        return _Judged(status, isolation, problems, tuple(outcomes), record)

    def _train(
        self, student: Any, slice_: Slice, sha256: str, earlier: Sequence[Outcome], outcomes: Sequence[Outcome]
    ) -> TrainingResult:
        """Train the submission's network; the outcomes of this run replace earlier ones."""
        judged = {outcome.question for outcome in outcomes}
        known = [*(old for old in earlier if old.question not in judged), *outcomes]
        unknown = set(REQUIRED_QUESTIONS) - {outcome.question for outcome in known}
        if unknown and self._context.unavailable_reason is None:
            known += run_suite(student, SUITE, only=unknown, seed=seed_of(sha256, self._key))
        return evaluate(self._context, slice_, secret_of(sha256, self._key), known, student)


def _record(result: TrainingResult) -> dict[str, Any] | None:
    """What a result file holds of a training; None where none finished."""
    if result.accuracy is None:
        return None
    return {name: getattr(result, name) for name in ("accuracy", "threshold", "seconds", "recipe", "note")}


@dataclass(frozen=True)
class _Judged:
    """All of a grade that does not depend on where the submission came from."""

    status: str
    isolation: tuple[str, ...]
    problems: tuple[str, ...]
    outcomes: tuple[Outcome, ...]
    training: dict[str, Any] | None = None

    def grade(self, name: str, sha256: str, start: float) -> Grade:
        seconds = time.perf_counter() - start
        return Grade(name, sha256, self.status, seconds, self.isolation, self.problems, self.outcomes, self.training)


def seed_of(sha256: str, key: bytes = b"") -> int:
    """The seed from which the tests of a submission draw weights and inputs."""
    return derive(secret_of(sha256, key), "tests")


def secret_of(sha256: str, key: bytes = b"") -> bytes:
    """The secret from which everything that is drawn for a submission is derived.

    The same submission, hidden tests and key always give the same secret. Nobody can compute it without the hidden
    tests and the key, and so nobody can try variants of a file at home until a lucky one passes.
    """
    return hmac.digest(_hidden_suite() + key, sha256.encode(), "sha256")


@functools.cache
def _hidden_suite() -> bytes:
    digest = hashlib.sha256()
    for file in sorted(SUITE[1].glob("*.py")):
        digest.update(file.read_bytes())
    return digest.digest()
