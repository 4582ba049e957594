"""Decide whether the GPU or the student's code is to blame for a failed training.

Out of memory, a CUDA error, a process that dies suddenly: the machine can cause each of them, and then the check is
deferred. But student code can raise the same errors on purpose, and a check that is always deferred never costs points.
Only what happens before student code runs can be trusted: each training process, already confined, first trains the
baseline network for a step, with the precision and batch size of the real training. So:

- it fails before student code runs: the machine's fault, deferred;
- it fails later and blames the GPU: one more attempt, without other trainings on the GPU;
- it fails again, after the baseline network was trained in the same process: the student's fault.
"""

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager

from autograder.student.errors import StudentCrash, StudentError
from autograder.training.slots import Slots
from autograder.training.train_confined import Failure, Trained, TrainingStopped

TWICE = (
    "(This happened twice in a row, although the baseline network had just been trained in the same process with the "
    "same batch size: the GPU works and has enough memory.)"
)


def retry(attempt: Callable[[AbstractContextManager], Trained], slots: Slots) -> Trained:
    """Train, and once more where the machine may have caused the first failure.

    Args:
        attempt: trains in a fresh process, while it holds the slot that it is given.
        slots: limits how many trainings run at once.

    Raises:
        TrainingStopped: `failure` is None where the machine is to blame.
    """
    try:
        with slots.seat:
            return attempt(slots.slot)
    except TrainingStopped as first:
        if first.failure is None or not first.deferred:
            raise
    with slots.alone():
        try:
            return attempt(contextlib.nullcontext())
        except TrainingStopped as second:
            if second.failure is None or not second.deferred:
                raise
            raise TrainingStopped(second.reason, failure=_with_hint(second.failure), deferred=False) from None


def _with_hint(failure: Failure) -> Failure:
    if isinstance(failure, StudentError):
        return StudentError(failure.kind, failure.message, failure.traceback, TWICE)
    return StudentCrash(f"{failure} {TWICE}")
