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
from autograder.training.context import Setup, TrainingContext
from autograder.training.evaluate import Trainer
from autograder.training.proof import PROVING
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
    """Whether the network was trained, and what came of it, see `autograder.training.evaluate.Record`; None where
    that was not asked, or is deferred."""

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
        slots: who may train when, where there are other graders.
        tell: called with how far a training is.

    Raises:
        SandboxUnavailable: student code cannot be confined here, and `unsafe` is not given.
    """

    def __init__(
        self,
        unsafe: bool = False,
        limits: Limits | None = None,
        key: bytes = b"",
        training: Setup | None = None,
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
            judged = _Judged("unreadable", (), (str(error),), self._judge(absent, only, 0, self._trainer(None, 0)))
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
        if self._needs_proof(only, earlier):
            earlier = (*earlier, *self._judge(student, PROVING, seed, None))
        trainer = self._trainer(slice_, secret_of(sha256, self._key), earlier)
        outcomes = self._judge(student, only, seed, trainer)
        isolation = (*(["unsafe"] if self._unsafe else []), *student.isolation)
        problems = (*missing, *slice_.problems, *raised)
        record = trainer.record.to_json() if trainer is not None and trainer.record is not None else None
        return _Judged(status, isolation, problems, outcomes, record)

    def _trainer(self, slice_: Slice | None, secret: int, earlier: Sequence[Outcome] = ()) -> Trainer | None:
        return None if self._context is None else Trainer(self._context, slice_, secret, earlier)

    def _needs_proof(self, only: Collection[str] | None, earlier: Sequence[Outcome]) -> bool:
        """Is a network to be trained of which nobody knows yet whether it is proved?"""
        if only is None or "q4" not in only or self._context is None or self._context.unavailable_reason is not None:
            return False
        return not {*only, *(outcome.question for outcome in earlier)}.issuperset(PROVING)

    def _judge(
        self, student: Any, only: Collection[str] | None, seed: int, trainer: Trainer | None
    ) -> tuple[Outcome, ...]:
        return tuple(run_suite(student, SUITE, only=only, seed=seed, training=trainer))


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
    """What the tests of a submission draw their weights and inputs from.

    The same submission, tests and key always give the same seed. Who knows neither the hidden tests nor the key cannot
    compute it, and so cannot try variants of a file at home until a lucky one passes.
    """
    return int.from_bytes(hmac.digest(_hidden_suite() + key, sha256.encode(), "sha256")[:4], "big")


def secret_of(sha256: str, key: bytes = b"") -> int:
    """What a submission's training is drawn from: as `seed_of`, but too long to be found by trying.

    A training process sees what was drawn, and could look for the seed that explains it.
    """
    return int.from_bytes(hmac.digest(_hidden_suite() + key, f"training {sha256}".encode(), "sha256"), "big")


@functools.cache
def _hidden_suite() -> bytes:
    digest = hashlib.sha256()
    for file in sorted(SUITE[1].glob("*.py")):
        digest.update(file.read_bytes())
    return digest.digest()
