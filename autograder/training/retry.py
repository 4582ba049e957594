"""When a training blames the GPU: the GPU's fault, or the student's?

Out of memory, a CUDA error, a process that dies all of a sudden: each can be the machine's fault, and then the check is
deferred. But student code can raise the same words at will, and a check that is always deferred never costs its points.
Only what happens before any student code runs can be believed: there, each training process, confined already, trains
a network of ours for a step, in the precision and batch size that count. So:

- it fails before the student's code: the machine's fault, deferred;
- it fails later and blames the GPU: once more, with the GPU for itself;
- it fails again although our network had just been trained in that very process: the student's fault.
"""

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager

from autograder.student.errors import StudentCrash, StudentError
from autograder.training.slots import Slots
from autograder.training.train_confined import Failure, Trained, TrainingStopped

TWICE = (
    "(This came twice in a row, although a network of ours had just been trained in the same process with the same "
    "batch size: the GPU is sound and has enough memory.)"
)


def train_fairly(attempt: Callable[[AbstractContextManager], Trained], slots: Slots) -> Trained:
    """Train, and once more where the first end may be the machine's fault.

    Args:
        attempt: trains in a fresh process, while it holds the turn that it is given.
        slots: who may train when.

    Raises:
        TrainingStopped: `failure` is None where it is the machine's fault.
    """
    try:
        with slots.seat():
            return attempt(slots.slot())
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
