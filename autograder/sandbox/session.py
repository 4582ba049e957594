"""Requests of one submission to its workers: deadlines, limits, and a new worker after one has died.

A request whose reply nobody needs is sent together with the next one. What it raises is raised then.

Replies of a worker are untrusted: they are parsed and their form is checked here, so that a manipulated reply can only
be a wrong value. Each failure becomes an exception whose text is for the student.
"""

import contextlib
import dataclasses
import itertools
import select
import signal
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from torch import Tensor

from autograder.sandbox import wire
from autograder.sandbox.launcher import Death, Worker, Zygote
from autograder.sandbox.limits import MAX_PROBLEMS, MAX_TRACEBACK, Limits
from autograder.sandbox.repeats import Shapes, shorten
from autograder.sandbox.tensors import check, pack, unpack
from autograder.student.errors import StudentCrash, StudentError, StudentTimeout
from autograder.submission import Slice
from autograder.submission.sanitize import sanitize

MAX_MESSAGE = 2000
_GRACE_SECONDS = 0.5  # a worker that closed its channel may end by itself, which tells its exit status

_MOST_POSTPONED = 64 << 20  # bytes of tensors
_LOOKS = 20  # at what a worker does, in the time that one step may take

Failure = StudentTimeout | StudentCrash


@dataclasses.dataclass(frozen=True)
class Request:
    """One operation of a worker; `what` names it in messages ("`BasicBlock.forward`")."""

    what: str
    operation: str
    arguments: Mapping[str, Any]
    body: bytes = b""
    """Its tensors, packed."""
    shapes: Shapes = dataclasses.field(default_factory=dict)
    """Of tensors that are sent in part, see `repeats`."""
    done: Callable[[], None] = lambda: None
    """Called when it has been executed, and nothing after it in its frame has raised."""


def _packed(
    what: str,
    operation: str,
    arguments: Mapping[str, Any],
    tensors: Mapping[str, Tensor],
    done: Callable[[], None] = lambda: None,
) -> Request:
    """A request with these tensors."""
    sent, shapes = shorten(tensors)
    return Request(what, operation, arguments, pack(sent), shapes, done)


class Session:
    """Sends requests to the worker of one submission, and starts a worker when there is none.

    Args:
        zygote: starts the workers.
        slice_: the code that each worker executes first.
        limits: the limits of each worker and of all together.
    """

    def __init__(self, zygote: Zygote, slice_: Slice, limits: Limits):
        self._zygote, self._slice, self._limits = zygote, slice_, limits
        self._worker: Worker | None = None
        self._numbers = itertools.count(1)
        self._postponed: list[Request] = []
        self._seconds = self._cpu_seconds = 0.0
        self._given_up: Failure | None = None
        self._stops: dict[str, list[Failure]] = defaultdict(list)
        self.question = ""
        """Whose checks run: a class that ends its workers costs the checks of other questions nothing."""
        self.last_failure: Failure | None = None
        self.generation = 0
        """Counts the workers; an object exists only in the worker of its own generation."""
        self.frames = 0
        """Counts what was sent to the workers."""
        self.problems: list[str] = []
        """What the student's code raised when it was executed, one text per statement."""
        self.defined: list[str] = []
        self.is_known = False
        """Whether the slice has been executed once, so that `problems` and `defined` are what it makes them."""

    @property
    def layers(self) -> tuple[str, ...]:
        """The layers that confine the workers."""
        return self._zygote.layers

    @property
    def is_running(self) -> bool:
        """Whether there is a worker."""
        return self._worker is not None

    @property
    def waiting(self) -> bool:
        """Whether requests are postponed."""
        return any(one.operation != "forget" for one in self._postponed)

    def execute_once(self) -> None:
        """Start a worker, unless what the slice defines is known.

        Raises:
            StudentTimeout, StudentCrash: as `start`.
        """
        if not self.is_known:
            self.start()

    def new_handle(self) -> int:
        """A number for the next object in a worker."""
        return next(self._numbers)

    def forget(self, handle: int) -> None:
        """Have the worker drop an object, together with the next request."""
        self._postponed.append(Request("", "forget", {"handle": handle}))

    def start(self) -> None:
        """Start a worker and execute the slice, unless there is a worker.

        Raises:
            StudentTimeout, StudentCrash: the code failed before in a way that a new worker would repeat.
        """
        if self._given_up is None:
            self._given_up = self._exhausted()
        if self._given_up is not None:
            self.close()
            raise type(self._given_up)(str(self._given_up))
        if (stopped := self._stopped_too_often()) is not None:
            raise stopped
        if self._worker is None:
            self._start_worker()

    def request(
        self,
        what: str,
        operation: str,
        arguments: Mapping[str, Any],
        tensors: Mapping[str, Tensor] | None = None,
    ) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Send a request to the worker, and those that were postponed before it; see `Request`.

        Returns:
            The result, a JSON object, and its tensors. The caller must check both, within `judged()`.
        """
        self.start()
        return self._send(_packed(what, operation, arguments, tensors or {}))

    def postpone(
        self,
        what: str,
        operation: str,
        arguments: Mapping[str, Any],
        tensors: Mapping[str, Tensor] | None = None,
        done: Callable[[], None] = lambda: None,
    ) -> None:
        """Send a request whose result nobody needs together with the next one, which raises what it raises."""
        self.start()
        request = _packed(what, operation, arguments, tensors or {}, done)
        if sum(len(one.body) for one in (*self._postponed, request)) > _MOST_POSTPONED:
            self.flush()
            self.start()
        self._postponed.append(request)

    def flush(self) -> None:
        """Send the requests that are postponed, if there are any."""
        if self.waiting:
            self._send(self._postponed.pop())

    def drop(self) -> None:
        """Send nothing of what is postponed."""
        self._postponed = [one for one in self._postponed if one.operation == "forget"]

    @contextlib.contextmanager
    def judged(self):
        """Context for checking a reply: a `WireError` in it ends the worker and becomes a `StudentCrash`."""
        try:
            yield
        except wire.WireError:
            raise self._end(StudentCrash("Your code interfered with the grader's connection to it.")) from None

    def close(self) -> None:
        """End the worker, if there is one."""
        if self._worker is not None:
            self._bury()

    def _start_worker(self) -> None:
        left = max(1, int(self._limits.cpu_seconds - self._cpu_seconds))
        self._worker = self._zygote.start_worker(dataclasses.replace(self._limits, cpu_seconds=left))
        self.generation += 1
        self._postponed.clear()
        try:
            self._load()
        except StudentError as error:  # what the code defines may raise when it is looked at, as a metaclass can
            self._given_up = self._end(StudentCrash(str(error)))
            raise self._given_up from None
        except (StudentTimeout, StudentCrash) as failure:
            self._given_up = failure  # executing the same code again would end in the same way
            raise

    def _load(self) -> None:
        what = "Executing your classes and functions"
        arguments = {"slice": self._slice.to_json()}
        result, tensors = self._exchange([Request(what, "load", arguments)], self._limits.import_seconds)
        with self.judged():
            check(tensors, {})
            result = wire.fields(result, {"problems": list, "defined": list})
            if not all(isinstance(text, str) for text in (*result["problems"], *result["defined"])):
                raise wire.WireError("expected texts")
        self.problems = [sanitize(text, MAX_TRACEBACK) for text in result["problems"][:MAX_PROBLEMS]]
        self.defined = result["defined"]
        self.is_known = True

    def _send(self, request: Request) -> tuple[dict[str, Any], dict[str, Tensor]]:
        requests, self._postponed = [*self._postponed, request], []
        result = self._exchange(requests, self._limits.request_seconds)
        for one in requests:
            one.done()
        return result

    def _exchange(self, requests: Sequence[Request], seconds: float) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Send requests in one frame; returns the result of the last one."""
        began = time.monotonic()
        number = next(self._numbers)
        self.frames += 1
        *before, last = [
            {"op": one.operation, "args": one.arguments, "size": len(one.body), "shapes": one.shapes}
            for one in requests
        ]
        header = {"id": number, "before": before, **last}
        left = self._limits.submission_seconds - self._seconds
        channel = self._worker.channel
        try:
            deadline = began + min(seconds, left)
            wire.send(channel, header, requests[-1].body, deadline, [one.body for one in requests[:-1]])
            deadline = self._wait_for_reply(seconds, began + left)
            reply, body = wire.receive(channel, wire.MAX_REPLY_HEADER, self._limits.reply_bytes, deadline)
            return self._open(reply, body, number, requests)
        except wire.DeadlineExceeded:
            taken = time.monotonic() - began
            rest = f", and the {self._limits.submission_seconds:g} s of the submission are over"
            late = f"within {left:.3g} s{rest}" if taken >= left else f"within {seconds:.3g} s"
            raise self._end(StudentTimeout(f"{self._current(requests)} did not return {late}.")) from None
        except wire.PeerClosed:
            raise self._end(None, self._current(requests)) from None
        except wire.TooLarge:
            allowed = f"{self._limits.reply_bytes >> 20} MB"
            message = f"{requests[-1].what} returned more than the {allowed} that a result may have."
            raise self._end(StudentCrash(message)) from None
        except wire.WireError:
            what = self._current(requests)
            raise self._end(StudentCrash(f"{what} interfered with the grader's connection to your code.")) from None
        finally:
            self._seconds += time.monotonic() - began

    def _wait_for_reply(self, seconds: float, end: float) -> float:
        """Wait while the worker goes from step to step; returns when its reply must be there as a whole.

        Args:
            seconds: that each step may take.
            end: when the time of the submission is over, by `time.monotonic()`.

        Raises:
            DeadlineExceeded: a step takes longer.
        """
        poll = select.poll()
        poll.register(self._worker.channel, select.POLLIN)
        step, since = None, time.monotonic()
        while True:
            deadline = min(since + seconds, end)
            left = deadline - time.monotonic()
            if poll.poll(1000 * min(seconds / _LOOKS, max(left, 0.0))):
                return deadline
            now = self._step()  # most replies are there before the first look
            if step is not None and now != step:
                since = time.monotonic()
            elif left <= 0:
                raise wire.DeadlineExceeded
            step = now

    def _step(self) -> str:
        """What the worker is doing, or did last: the number of the request, and of a pass; "" where it is unknown."""
        try:
            return Path(f"/proc/{self._worker.pid}/comm").read_text().strip()
        except (OSError, UnicodeDecodeError):  # ended, or of a user whose processes cannot be seen
            return ""

    def _current(self, requests: Sequence[Request]) -> str:
        """What the worker is doing, or did last, of these requests. For messages."""
        name, _, _ = self._step().partition(".")
        number = int(name) if name.isdecimal() and name.isascii() else len(requests)
        return requests[min(number, len(requests) - 1)].what or requests[-1].what

    def _open(
        self, reply: dict[str, Any], body: bytearray, number: int, requests: Sequence[Request]
    ) -> tuple[dict[str, Any], dict[str, Tensor]]:
        """Check that this is the reply to frame `number`; raise the exception that it reports, if any."""
        if type(reply.get("id")) is not int or reply["id"] != number:
            raise wire.WireError("a reply to another request")
        if "error" in reply:
            wire.fields(reply, {"id": int, "at": int, "error": dict})
            error = self._student_error(**wire.fields(reply["error"], {"kind": str, "message": str, "traceback": str}))
            if not 0 <= reply["at"] < len(requests):
                raise wire.WireError("an error of another request")
            error.operation = requests[reply["at"]].operation
            raise error
        wire.fields(reply, {"id": int, "result": dict})
        return reply["result"], unpack(body)

    def _student_error(self, kind: str, message: str, traceback: str) -> StudentError:
        kind, message = sanitize(kind, 100), sanitize(message, MAX_MESSAGE)
        traceback = sanitize(traceback, MAX_TRACEBACK)
        limits = self._limits
        hints = {
            "MemoryError": f"Your code may use {limits.memory_bytes >> 20} MB of memory.",
            "can't allocate memory": f"Your code may use {limits.memory_bytes >> 20} MB of memory.",
            "can't start new thread": f"Your code may run {limits.threads} threads, and no other processes.",
            "Too many open files": f"Your code may have {limits.files} files open.",
            "PermissionError": "While graded, your code cannot write files, start processes or use the network.",
        }
        hint = next((hint for sign, hint in hints.items() if sign in f"{kind}: {message}"), "")
        return StudentError(kind, message, traceback, hint)

    def _end(self, failure: Failure | None, what: str = "") -> Failure:
        """End the worker and return the failure; without a given one, it follows from how the worker ended."""
        died_by_itself = failure is None
        death = self._bury(_GRACE_SECONDS if died_by_itself else 0.0)
        self.last_failure = self._explain(death, what) if died_by_itself else failure
        self._stops[self.question].append(self.last_failure)
        return self.last_failure

    def _bury(self, grace: float = 0.0) -> Death:
        worker, self._worker = self._worker, None
        self._postponed.clear()
        worker.channel.close()
        death = self._zygote.reap(worker.pid, grace)
        self._cpu_seconds += death.cpu_seconds
        return death

    def _explain(self, death: Death, what: str) -> StudentCrash:
        limits = self._limits
        if death.killed:
            return StudentCrash(f"{what} closed the grader's connection to your code.")
        if death.exit_code == -signal.SIGXCPU or self._cpu_seconds >= limits.cpu_seconds:
            return StudentCrash(f"{what} used up the {limits.cpu_seconds} s of processor time that a submission has.")
        if death.exit_code >= 0:
            return StudentCrash(
                f"{what} ended the Python process (exit status {death.exit_code}): "
                "remove exit(), quit() and os._exit()."
            )
        if death.exit_code == -signal.SIGSYS:
            return StudentCrash(f"{what} made a system call that is forbidden while your code is graded.")
        cause = signal.strsignal(-death.exit_code)
        return StudentCrash(
            f"{what} crashed the Python process ({cause}); more than the {limits.memory_bytes >> 20} MB of memory "
            "that a submission has, or endless recursion, can be the cause."
        )

    def _exhausted(self) -> Failure | None:
        limits = self._limits
        if self._seconds >= limits.submission_seconds:
            return StudentTimeout(f"Your code used up the {limits.submission_seconds:g} s that a submission has.")
        if self._cpu_seconds >= limits.cpu_seconds:
            return StudentCrash(
                f"Your code used up the {limits.cpu_seconds} s of processor time that a submission has."
            )
        return None

    def _stopped_too_often(self) -> Failure | None:
        """Why the checks of this question start no worker any more."""
        stops = self._stops[self.question]
        late = sum(isinstance(failure, StudentTimeout) for failure in stops)
        if len(stops) < self._limits.stops and late < self._limits.timeouts:
            return None
        last = stops[-1]
        return type(last)(f"Your code was stopped {len(stops)} times here; these checks do not start it again. {last}")
