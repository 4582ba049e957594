"""Train a student's network in a confined process and get its logits for the held-out images.

Nothing that the process sends is trusted. Its logits are compared with labels that it never sees; the progress that it
reports is only shown.
"""

import contextlib
import re
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import psutil
import torch
from torch import Tensor

from autograder.sandbox import wire
from autograder.sandbox.limits import MAX_TRACEBACK, TrainingLimits
from autograder.sandbox.session import MAX_MESSAGE
from autograder.sandbox.tensors import pack, unpack
from autograder.student.errors import StudentCrash, StudentError, StudentTimeout
from autograder.submission import Slice
from autograder.submission.sanitize import sanitize
from autograder.training.inside.fit import Progress, Recipe
from autograder.training.inside.shared_images import SharedImages
from autograder.training.launcher import NotStarted, TrainingWorker, how_it_ended, training_worker
from autograder.training.memory_watch import MemoryWatch, resident_bytes

CLASSES = 10
MOST_REPORTS = 10_000
"""Progress reports that are read: the worker sends two a second at most."""
MOST_REPORT_BYTES = 1 << 16
"""An error with its traceback may come instead of a report."""
_GRACE_SECONDS = 2.0  # for a process that closed its channel to end by itself
_BLAMES_GPU = re.compile(r"OutOfMemoryError|CUDA|cuDNN|CUBLAS|NVIDIA|NVML|AcceleratorError")
_SUDDEN = {signal.SIGABRT, signal.SIGSEGV, signal.SIGBUS, signal.SIGKILL}
"""Signals that end a process whose GPU is lost, or that the kernel kills when memory is exhausted."""

Failure = StudentError | StudentTimeout | StudentCrash


class Examination(Protocol):
    """The part of `autograder.training.heldout.Exam` that is needed here."""

    train_images: Tensor
    train_labels: Tensor
    heldout_images: Tensor


class TrainingStopped(Exception):
    """The training did not finish; `str()` is one line.

    Args:
        reason: the line.
        failure: the outcome where the student's code is to blame; None where no student code had run.
        deferred: the GPU, its memory or its driver may be to blame. Student code can raise the same error, so one such
            failure proves nothing; see `autograder.training.retry`.
    """

    def __init__(self, reason: str, *, failure: Failure | None, deferred: bool):
        super().__init__(reason)
        self.reason, self.failure, self.deferred = reason, failure, deferred


@dataclass(frozen=True)
class Trained:
    """The result of a training: finite float32 logits (N, 10) for the held-out images.

    `state` is the trained `state_dict()` as the process sent it, None where it was not requested.
    """

    logits: Tensor
    state: dict[str, Tensor] | None
    seconds: float
    isolation: tuple[str, ...]


def train_confined(
    slice_: Slice,
    exam: Examination,
    recipe: Recipe,
    *,
    device: str,
    seed: int,
    limits: TrainingLimits,
    want_state: bool,
    progress: Callable[[Progress], None] | None = None,
    own_block: bool = True,
    slot: AbstractContextManager | None = None,
    images: SharedImages | None = None,
    unsafe: bool = False,
) -> Trained:
    """Train the student's `ResNet18()` from scratch and return its logits for the held-out images.

    Args:
        slice_: the student's code.
        exam: training images, and held-out images that it classifies after the training.
        recipe: how it is trained.
        device: "cuda" or "cpu".
        seed: of the order and augmentation of images, and of what the network draws.
        limits: what the process may use.
        want_state: return the trained weights too.
        progress: called with the progress of the training, in numbers that student code may have invented.
        own_block: build it of the student's `BasicBlock`; otherwise of the baseline network's.
        slot: held while it trains; the process is started before.
        images: the exam's training images, where they are shared already.
        unsafe: as of `Grader`.

    Raises:
        TrainingStopped: the training did not finish.
    """
    with contextlib.ExitStack() as stack:
        if images is None:
            images = stack.enter_context(contextlib.closing(SharedImages(exam.train_images)))
        try:
            worker = stack.enter_context(training_worker(images, recipe, device, limits, unsafe))
        except NotStarted as error:
            reason = f"the training process did not start: {error}"
            raise TrainingStopped(reason, failure=None, deferred=True) from None
        stack.enter_context(slot or contextlib.nullcontext())
        process = psutil.Process(worker.process.pid)
        watch = stack.enter_context(MemoryWatch(process, resident_bytes(process) + limits.memory_bytes))
        began = time.monotonic()
        conversation = _Conversation(worker, watch, limits, device)
        order = {"slice": slice_.to_json(), "seed": seed, "own_block": own_block}
        conversation.send(order, {"labels": exam.train_labels}, limits.import_seconds)
        conversation.expect("built", "Executing your code and building `ResNet18()`", limits.import_seconds)
        conversation.follow(progress)
        conversation.send({"want_state": want_state}, {"images": exam.heldout_images}, limits.predict_seconds)
        tensors = conversation.expect("answer", "Your network's forward pass in eval mode", limits.predict_seconds)
        logits = conversation.logits(tensors, len(exam.heldout_images))
        state = {name.removeprefix("state:"): value for name, value in tensors.items() if name != "logits"}
        return Trained(logits, state if want_state else None, time.monotonic() - began, worker.layers)


class _Conversation:
    """Exchange messages with a training process, and interpret its silence or its end."""

    def __init__(self, worker: TrainingWorker, watch: MemoryWatch, limits: TrainingLimits, device: str):
        self._worker, self._watch, self._limits, self._device = worker, watch, limits, device

    def send(self, header: Mapping[str, Any], tensors: Mapping[str, Tensor], seconds: float) -> None:
        """Send a request."""
        with self._explained("Your code", seconds):
            wire.send(self._worker.channel, header, pack(tensors), time.monotonic() + seconds)

    def expect(self, word: str, what: str, seconds: float) -> dict[str, Tensor]:
        """Wait for the reply `word` to the last request, `what` in messages; returns its tensors, not yet checked."""
        with self._explained(what, seconds):
            header, body = wire.receive(
                self._worker.channel, wire.MAX_REPLY_HEADER, self._limits.reply_bytes, time.monotonic() + seconds
            )
            self._raise_error_of(header)
            wire.fields(header, {word: dict})
            return unpack(body)

    def follow(self, progress: Callable[[Progress], None] | None) -> None:
        """Wait until the training is over."""
        limits = self._limits
        end = time.monotonic() + limits.fit_seconds
        for _ in range(MOST_REPORTS):
            silence = min(limits.silent_seconds, end - time.monotonic())
            if silence <= 0:
                raise self._stopped(StudentTimeout(f"The training did not end within {limits.fit_seconds:.3g} s."))
            with self._explained("Your network in training", silence):
                header, _ = wire.receive(self._worker.channel, MOST_REPORT_BYTES, 0, time.monotonic() + silence)
                if header == {"fitted": {}}:
                    return
                self._raise_error_of(header)
                report = _report(header)
            if progress is not None:
                progress(report)
        raise self._stopped(StudentCrash("Your code interfered with the grader's connection to it."))

    def logits(self, tensors: Mapping[str, Tensor], count: int) -> Tensor:
        """The logits among the tensors, checked."""
        logits = tensors.get("logits")
        if logits is None or logits.dtype != torch.float32 or tuple(logits.shape) != (count, CLASSES):
            raise self._stopped(StudentCrash("Your code interfered with the grader's connection to it."))
        if not torch.isfinite(logits).all():
            raise self._stopped(
                StudentError(
                    "ValueError", "after the training, the logits of your network are infinite or not a number", ""
                )
            )
        return logits

    @contextlib.contextmanager
    def _explained(self, what: str, seconds: float) -> Iterator[None]:
        try:
            yield
        except wire.DeadlineExceeded:
            raise self._stopped(StudentTimeout(f"{what} did not return within {seconds:.3g} s.")) from None
        except wire.PeerClosed:
            raise self._death(what) from None
        except wire.WireError:
            message = f"{what} interfered with the grader's connection to your code."
            raise self._stopped(StudentCrash(message)) from None

    def _raise_error_of(self, header: Mapping[str, Any]) -> None:
        if "error" not in header:
            return
        wire.fields(header, {"error": dict})
        error = wire.fields(header["error"], {"kind": str, "message": str, "traceback": str})
        kind, message = sanitize(error["kind"], 100), sanitize(error["message"], MAX_MESSAGE)
        failure = StudentError(kind, message, sanitize(error["traceback"], MAX_TRACEBACK))
        blames_gpu = _BLAMES_GPU.search(f"{kind}: {message}") is not None
        raise TrainingStopped(_one_line(f"{kind}: {message}"), failure=failure, deferred=blames_gpu)

    def _death(self, what: str) -> TrainingStopped:
        code = self._worker.death(_GRACE_SECONDS)
        if self._watch.exceeded:
            allowed = f"{self._limits.memory_bytes >> 20} MB"
            return self._stopped(StudentCrash(f"{what} took more than the {allowed} of memory that a training has."))
        if code is None:
            return self._stopped(StudentCrash(f"{what} closed the grader's connection to your code."))
        if code >= 0:
            message = f"{what} ended the Python process (exit status {code}): remove exit(), quit() and os._exit()."
            return self._stopped(StudentCrash(message))
        failure = StudentCrash(f"{what} crashed the Python process ({how_it_ended(code)}).")
        return self._stopped(failure, deferred=self._device == "cuda" and -code in _SUDDEN)

    def _stopped(self, failure: Failure, deferred: bool = False) -> TrainingStopped:
        return TrainingStopped(_one_line(str(failure)), failure=failure, deferred=deferred)


def _report(header: Mapping[str, Any]) -> Progress:
    """The progress in a message; raises `WireError` where it does not consist of numbers."""
    told = wire.fields(dict(header), {"progress": dict})["progress"]
    sound = all(type(value) in (int, float) and abs(value) < 1e12 for value in told.values())
    if not sound or told.keys() != Progress.__dataclass_fields__.keys():
        raise wire.WireError("progress that does not consist of numbers")
    return Progress(**told)


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300]
