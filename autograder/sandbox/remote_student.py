"""The student's classes behind the sandbox: the interface of `student.local`, with proxies for objects in a worker."""

import contextlib
import functools
from collections.abc import Iterator
from contextlib import AbstractContextManager
from types import TracebackType
from typing import Any

from autograder.contract import REQUIRED
from autograder.sandbox import wire
from autograder.sandbox.launcher import Zygote
from autograder.sandbox.limits import Limits
from autograder.sandbox.remote_module import RemoteAdam, RemoteModule, RemoteSkeleton
from autograder.sandbox.remote_object import MAX_TYPE_NAME, Opaque, RemoteObject
from autograder.sandbox.session import Session
from autograder.sandbox.tensors import check
from autograder.student.errors import StudentCrash, StudentTimeout
from autograder.student.local import NotDefined, why_missing
from autograder.student.message import Message
from autograder.student.probe import Call
from autograder.student.signature import Parameter
from autograder.submission import Slice
from autograder.submission.defining_line import find_in_slice
from autograder.submission.sanitize import sanitize

MAX_ARGUMENTS = 1000  # in a list


class RemoteStudent:
    """The `student` fixture when the code runs in a worker. Close it, or use it as a context manager.

    Args:
        slice_: the student's code.
        limits: its resource limits.
        zygote: starts the workers; when None, a zygote is started, and closed by `close()`.
    """

    def __init__(
        self,
        slice_: Slice,
        limits: Limits | None = None,
        zygote: Zygote | None = None,
    ):
        self._own_zygote = Zygote() if zygote is None else None
        self._slice = slice_
        self._session = Session(zygote or self._own_zygote, slice_, limits or Limits())
        self.refused: dict[str, Message] = {}
        """For a question, why it earns nothing whatever its code computes; see `autograder.grading.delegated`."""

    errors_are_typed = True
    """Whatever the student's code raises or returns wrongly is an exception of `autograder.student.errors` here."""

    has_own_blocks = True
    """As in `LocalStudent`."""

    @property
    def isolation(self) -> tuple[str, ...]:
        """The layers that confine the student's code."""
        return self._session.layers

    @property
    def problems(self) -> list[str]:
        """What the student's code raised when it was executed. Executes it now if that has not happened yet."""
        self._session.execute_once()
        return list(self._session.problems)

    @property
    def BasicBlock(self) -> "RemoteClass":
        """`BasicBlock(in_planes, planes, stride=1)`."""
        return self._find("BasicBlock")

    @property
    def Bottleneck(self) -> "RemoteClass":
        """`Bottleneck(in_planes, planes, stride=1)`."""
        return self._find("Bottleneck")

    @property
    def ResNet(self) -> "RemoteNetworkClass":
        """`ResNet(block, num_blocks, num_classes=10)`, also where its parameters are others; see `NetworkClass`."""
        self._find("ResNet")
        return RemoteNetworkClass(self._session, "ResNet")

    def ResNet18(self, basic_block: "RemoteClass | RemoteProbe | None" = None) -> RemoteModule | Opaque:
        """Call the student's `ResNet18()`, during which the name `BasicBlock` refers to `basic_block`."""
        build = self._find("ResNet18")
        return build() if basic_block is None else build(basic_block=basic_block)

    def parameters(self, name: str) -> tuple[Parameter, ...]:
        """The parameters of the class `name` as the worker reports them, for messages only."""
        self._find(name)
        result, tensors = self._session.request(f"`{name}`", "signature", {"name": name})
        with self._session.judged():
            check(tensors, {})
            reported = wire.fields(result, {"parameters": list})["parameters"][:MAX_ARGUMENTS]
            if not all(type(one) is list and [type(part) for part in one] == [str, bool, str] for one in reported):
                raise wire.WireError("expected parameters")
        clean = functools.partial(sanitize, length=MAX_TYPE_NAME, one_line=True)
        return tuple(Parameter(clean(name), positional, clean(default)) for name, positional, default in reported)

    def line_that_defines(self, name: str, attribute: str) -> str:
        """The student's line that assigns `self.<attribute>` in the class `name`; "" where it cannot be shown."""
        return find_in_slice(self._slice, name, attribute)

    def probe(self, expansion: int = 1, norm: bool = False) -> "RemoteProbe":
        """A new probe block, with BatchNorm or without, see `autograder.student.probe`."""
        return RemoteProbe(self._session, expansion, norm)

    def skeleton(self, name: str, *args: Any) -> RemoteSkeleton:
        """Build an object of the class `name`; only the names and shapes of its parameters are available."""
        self._find(name)
        arguments = {"name": name, "args": [_portable(arg) for arg in args]}
        result, tensors = self._session.request(f"`{name}(...)`", "skeleton", arguments)
        with self._session.judged():
            check(tensors, {})
            shapes = wire.fields(result, {"shapes": list})["shapes"]
            return RemoteSkeleton(shapes)

    def Adam(self, module: RemoteModule, lr: float) -> RemoteAdam:
        """An optimizer of the module's parameters, with `step()`."""
        return RemoteAdam(self._session, module, lr)

    def without_dropout(self) -> AbstractContextManager[None]:
        """A context in which dropout in the student's code returns its input. A new worker does not know of it."""
        return self._switched("dropout", on=False)

    def with_lists(self) -> AbstractContextManager[None]:
        """A context in which a list of layers in the place of a layer is taken for its layers. A new worker does not
        know of it."""
        return self._switched("lists", on=True)

    @contextlib.contextmanager
    def _switched(self, operation: str, on: bool) -> Iterator[None]:
        self._switch(operation, on)
        try:
            yield
        finally:
            self.drop()
            with contextlib.suppress(StudentCrash, StudentTimeout):
                self._switch(operation, not on)

    def _switch(self, operation: str, on: bool) -> None:
        result, tensors = self._session.request("The grader", operation, {"on": on})
        with self._session.judged():
            check(tensors, {})
            wire.fields(result, {})

    @contextlib.contextmanager
    def on_behalf_of(self, question: str) -> Iterator[None]:
        """A context in which workers that end count for this question: checks of others are not affected."""
        before, self._session.question = self._session.question, question
        try:
            yield
        finally:
            self._session.question = before

    def flush(self) -> None:
        """Have everything executed that was asked for; raises what the student's code raises."""
        self._session.flush()

    def drop(self) -> None:
        """Forget what was asked for and is not executed yet."""
        self._session.drop()

    def close(self) -> None:
        """End all processes that were started for this student."""
        self._session.close()
        if self._own_zygote is not None:
            self._own_zygote.close()

    def __enter__(self) -> "RemoteStudent":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def defines(self, name: str) -> bool:
        """Whether the submission defines a required name, as the worker reports it."""
        self._session.execute_once()
        return name in self._session.defined

    def _find(self, name: str) -> "RemoteClass":
        assert name in REQUIRED
        if not self.defines(name):
            raise NotDefined(why_missing(self._slice, self._session.problems)[name])
        return RemoteClass(self._session, name)


class RemoteClass:
    """A class or function of the student."""

    def __init__(self, session: Session, name: str):
        self._session, self.__name__ = session, name

    @property
    def expansion(self) -> int:
        """The class attribute, as reported by the worker."""
        name = self.__name__
        result, tensors = self._session.request(f"`{name}.expansion`", "expansion", {"name": name})
        with self._session.judged():
            check(tensors, {})
            return wire.fields(result, {"expansion": int})["expansion"]

    def __call__(self, *args: Any, **kwargs: Any) -> RemoteModule | Opaque:
        """Construct an object. Arguments: the student's classes, probes, and JSON values."""
        return self._construct(args, kwargs)

    def _construct(self, args: tuple, kwargs: dict[str, Any], exactly: bool = False) -> RemoteModule | Opaque:
        module = RemoteModule(self._session, self.__name__)
        arguments = {
            "handle": module.handle,
            "name": self.__name__,
            "args": [_portable(arg) for arg in args],
            "kwargs": {key: _portable(arg) for key, arg in kwargs.items()},
            "exactly": exactly,
        }
        if not kwargs and not any(isinstance(arg, list) for arg in args):  # nothing of the caller's may change
            self._session.postpone(f"`{self.__name__}(...)`", "construct", arguments)
            return module
        result, tensors = self._session.request(f"`{self.__name__}(...)`", "construct", arguments)
        with self._session.judged():
            check(tensors, {})
            wire.fields(result, {"type_name": str, "is_module": bool, "lists": list, "probes": list})
            _leave_as(result["lists"], [arg for arg in args if isinstance(arg, list)])
            probes = [arg for arg in (*args, *kwargs.values()) if isinstance(arg, RemoteProbe)]
            if len(result["probes"]) != len(probes):
                raise wire.WireError("expected a report of each probe")
            for probe, report in zip(probes, result["probes"], strict=True):
                probe.reported(report)
        return module if result["is_module"] else Opaque(result["type_name"])


class RemoteNetworkClass(RemoteClass):
    """The student's `ResNet`; the worker adapts the arguments to its parameters."""

    def exactly(self, *args: Any) -> RemoteModule | Opaque:
        """Construct a network with these arguments as they are."""
        return self._construct(args, {}, exactly=True)


class RemoteProbe(RemoteObject):
    """A probe class in the worker. Its `calls` are for messages only, because a worker may report anything."""

    def __init__(self, session: Session, expansion: int, norm: bool):
        super().__init__(session)
        self.expansion = expansion
        self._known: tuple[int, tuple[list[Call], list[Call], str]] | None = None
        session.postpone("the probe", "probe", {"probe": self._handle, "expansion": expansion, "norm": norm})

    @property
    def calls(self) -> list[Call]:
        """`(in_planes, planes, stride)` of every probe built, in order."""
        return self._built()[0]

    @property
    def kept(self) -> list[Call]:
        """Those of the probes that are still there."""
        return self._built()[1]

    @property
    def foreign_call(self) -> str:
        """How `ResNet` called the probe with other arguments than the question's; "" where it did not."""
        return self._built()[2]

    def reported(self, result: object) -> None:
        """Keep a worker's report of what was built, until it is asked for something else."""
        result = wire.fields(result, {"calls": list, "kept": list, "foreign_call": str})
        lists = result["calls"], result["kept"]
        if not all(type(call) is list and [type(i) for i in call] == [int] * 3 for calls in lists for call in calls):
            raise wire.WireError("expected triples of integers")
        calls, kept = (list(map(tuple, calls)) for calls in lists)
        self._known = self._session.frames, (calls, kept, sanitize(result["foreign_call"], 300, one_line=True))

    def _built(self) -> tuple[list[Call], list[Call], str]:
        if self._known is None or self._known[0] != self._session.frames or self._session.waiting:
            result, tensors = self._session.request("the probe", "probe_calls", {"probe": self.handle})
            with self._session.judged():
                check(tensors, {})
                self.reported(result)
        return self._known[1]


def _leave_as(after: list[Any], given: list[list[int]]) -> None:
    """Change lists of integers that were handed to a constructor as its code did."""
    for numbers in after:
        if type(numbers) is not list or len(numbers) > MAX_ARGUMENTS or any(type(item) is not int for item in numbers):
            raise wire.WireError("expected lists of integers")
    if len(after) != len(given):
        raise wire.WireError("expected each list that was sent")
    for numbers, mine in zip(after, given, strict=True):
        mine[:] = numbers


def _portable(argument: Any) -> Any:
    """An argument of a constructor as JSON; a class of the student or a probe becomes a reference."""
    if isinstance(argument, RemoteClass):
        return {"name": argument.__name__}
    if isinstance(argument, RemoteProbe):
        return {"probe": argument.handle}
    return argument
