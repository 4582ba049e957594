"""The student's classes behind the sandbox: the interface of `student.local`, with proxies for objects in a worker."""

import functools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import torch
from torch import Tensor

from autograder.contract import REQUIRED
from autograder.sandbox import wire
from autograder.sandbox.launcher import Zygote
from autograder.sandbox.limits import Limits
from autograder.sandbox.session import Session
from autograder.sandbox.tensors import MAX_NAME, check
from autograder.student.errors import StudentCrash, StudentError
from autograder.student.local import NotDefined, refused_questions, why_missing
from autograder.student.message import Message
from autograder.student.passes import Proxy
from autograder.student.probe import Call
from autograder.student.signature import Parameter
from autograder.submission import Slice, find_delegation
from autograder.submission.defining_line import find_in_slice
from autograder.submission.sanitize import sanitize

MAX_TYPE_NAME = 100
MAX_ARGUMENTS = 1000  # in a list
MAX_PARAMETERS = 1 << 40  # in one tensor


class RemoteStudent:
    """The `student` fixture when the code runs in a worker. Close it, or use it as a context manager.

    Args:
        slice_: the student's code.
        limits: its resource limits.
        zygote: starts the workers; when None, a zygote is started, and closed by `close()`.
        ready_made: what `find_delegation` found in the code; when None, it is looked for in this process.
    """

    def __init__(
        self,
        slice_: Slice,
        limits: Limits | None = None,
        zygote: Zygote | None = None,
        ready_made: Mapping[str, str] | None = None,
    ):
        self._own_zygote = Zygote() if zygote is None else None
        self._slice, self._ready_made = slice_, ready_made
        self._session = Session(zygote or self._own_zygote, slice_, limits or Limits())

    errors_are_typed = True
    """Whatever the student's code raises or returns wrongly is an exception of `autograder.student.errors` here."""

    @property
    def isolation(self) -> tuple[str, ...]:
        """The layers that confine the student's code."""
        return self._session.layers

    @property
    def problems(self) -> list[str]:
        """What the student's code raised when it was executed. Executes it now if that has not happened yet."""
        self._session.start()
        return list(self._session.problems)

    @functools.cached_property
    def refused(self) -> dict[str, Message]:
        """For a question that is answered with a ready-made network, why it earns nothing."""
        return refused_questions(find_delegation(self._slice) if self._ready_made is None else self._ready_made)

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

    def ResNet18(self, basic_block: "RemoteClass | RemoteProbe | None" = None) -> "RemoteModule | Opaque":
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

    def skeleton(self, name: str, *args: Any) -> "RemoteSkeleton":
        """Build an object of the class `name`; only the names and shapes of its parameters are available."""
        self._find(name)
        arguments = {"name": name, "args": [_portable(arg) for arg in args]}
        result, tensors = self._session.request(f"`{name}(...)`", "skeleton", arguments)
        with self._session.judged():
            check(tensors, {})
            shapes = wire.fields(result, {"shapes": list})["shapes"]
            return RemoteSkeleton([_named_shape(entry) for entry in shapes])

    def Adam(self, module: "RemoteModule", lr: float) -> "RemoteAdam":
        """An optimizer of the module's parameters, with `step()`."""
        return RemoteAdam(self._session, module, lr)

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

    def _find(self, name: str) -> "RemoteClass":
        assert name in REQUIRED
        self._session.start()
        if name not in self._session.defined:
            raise NotDefined(why_missing(self._slice, self._session.problems)[name])
        return RemoteClass(self._session, name)


class RemoteObject:
    """An object in a worker. It is lost when the worker ends."""

    def __init__(self, session: Session):
        session.start()
        self._session, self._generation = session, session.generation
        self._handle = session.new_handle()

    def __del__(self):
        session = getattr(self, "_session", None)  # None: no worker could be started
        if session is not None and session.is_running and self._generation == session.generation:
            session.forget(self._handle)

    @property
    def is_there(self) -> bool:
        """Whether the worker that holds it is still there."""
        return self._generation == self._session.generation and self._session.is_running

    @property
    def handle(self) -> int:
        """The worker's number for this object.

        Raises:
            StudentCrash: the worker that held it has ended.
        """
        self._session.start()
        if self._generation != self._session.generation:
            raise StudentCrash(f"This object is gone, because your code was stopped: {self._session.last_failure}")
        return self._handle


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

    def __call__(self, *args: Any, **kwargs: Any) -> "RemoteModule | Opaque":
        """Construct an object. Arguments: the student's classes, probes, and JSON values."""
        return self._construct(args, kwargs)

    def _construct(self, args: tuple, kwargs: dict[str, Any], exactly: bool = False) -> "RemoteModule | Opaque":
        module = RemoteModule(self._session, self.__name__)
        arguments = {
            "handle": module.handle,
            "name": self.__name__,
            "args": [_portable(arg) for arg in args],
            "kwargs": {key: _portable(arg) for key, arg in kwargs.items()},
            "exactly": exactly,
        }
        if not kwargs and all(type(arg) is int for arg in args):  # nothing but the module itself can be asked about
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

    def exactly(self, *args: Any) -> "RemoteModule | Opaque":
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


class RemoteModule(RemoteObject, Proxy):
    """A module of the student. Its tensors are copies; `backward()` on its output reaches the module."""

    def __init__(self, session: Session, name: str):
        super().__init__(session)
        self.name = name
        self.training = True
        self._loaded: _Loaded | None = None
        self._known: _State | None = None
        self._called = False

    def __call__(self, x: Tensor) -> "Tensor | Opaque":
        """Compute module(x). If the code changes `x` in place, the caller's `x` changes as well."""
        self._known, self._called = None, True
        call = RemoteCall(self._session, self)
        with_grad = torch.is_grad_enabled()
        arguments = {
            "module": self.handle,
            "call": call.handle,
            "with_grad": with_grad,
            "needs_grad": with_grad and x.requires_grad,
            "is_leaf": x.is_leaf,
        }
        what = f"`{self.name}.forward`"
        result, tensors = self._session.request(what, "call", arguments, {"x": x})
        with self._session.judged():
            wire.fields(result, {"type_name": str, "is_tensor": bool, "has_graph": bool})
            if not result["is_tensor"]:
                check(tensors, {})
                return Opaque(result["type_name"])
            changed = tensors.pop("x", None)
            if changed is not None:
                check({"x": changed}, {"x": (x.dtype, tuple(x.shape))})
            if tensors.keys() != {"y"} or (result["has_graph"] and not _differentiable(tensors["y"])):
                raise wire.WireError("expected one output")
        if changed is not None:
            with torch.no_grad():
                x.copy_(changed)
        if not (with_grad and result["has_graph"]):
            return tensors["y"]
        return _Forward.apply(x, torch.zeros((), requires_grad=True), call, tensors)

    def repeat(self, x: Tensor, times: int, state: Mapping[str, Tensor] | None = None) -> "list[Tensor | Opaque]":
        """As `student.passes.repeat`; stops at what is no tensor."""
        self._known, self._called = None, True
        names, changed = self._without_loaded(state or {})
        given = {f"state:{name}": value for name, value in changed.items()}
        arguments = {"times": times, "afresh": state is not None, "names": names}
        result, tensors = self._ask("repeat", arguments, {"x": x, **given})
        with self._session.judged():
            kind = wire.fields(result, {"type_name": str})["type_name"]
            if list(tensors) != [str(number) for number in range(len(tensors))] or len(tensors) > times:
                raise wire.WireError("expected outputs")
        return [*tensors.values(), *([Opaque(kind)] if len(tensors) < times else [])]

    def train(self, mode: bool = True) -> "RemoteModule":
        """As in `nn.Module`."""
        self._postpone("train", {"mode": mode})
        self.training = mode
        return self

    def eval(self) -> "RemoteModule":
        """As in `nn.Module`."""
        return self.train(False)

    def state_dict(self) -> dict[str, Tensor]:
        """As in `nn.Module`, but with copies of the tensors."""
        return dict(self._state().tensors)

    def load_state_dict(self, state: Mapping[str, Tensor]) -> None:
        """As in `nn.Module`, strict."""
        names, changed = self._without_loaded(state)
        self._loaded = _Loaded(self._session.new_handle(), state)
        arguments = {"number": self._loaded.number, "names": names}
        self._postpone("load_state_dict", arguments, changed, self._loaded.confirm)

    def _without_loaded(self, state: Mapping[str, Tensor]) -> tuple[list[str] | None, Mapping[str, Tensor]]:
        """The names of a state, and the tensors that the worker does not have from the last one; None: it has none."""
        if self._loaded is None or not self._loaded.confirmed:
            return None, state
        return list(state), {name: value for name, value in state.items() if not self._loaded.has(name, value)}

    def named_parameters(self) -> list[tuple[str, Tensor]]:
        """Names and copies of the parameters, with their current `grad`."""
        return list(self._state(gradients=self._called).parameters.items())

    def parameters(self) -> Iterator[Tensor]:
        """The parameters of `named_parameters()`."""
        return (parameter for _, parameter in self.named_parameters())

    def gradients(self) -> dict[str, Tensor | None]:
        """The current `grad` of each parameter, by its name."""
        result, tensors = self._ask("gradients")
        with self._session.judged():
            names = wire.fields(result, {"names": list})["names"]
            if not all(map(_is_name, names)) or tensors.keys() - set(names):
                raise wire.WireError("expected gradients of parameters")
        return {name: tensors.get(name) for name in names}

    def zero_grad(self) -> None:
        """As in `nn.Module`."""
        self._postpone("zero_grad")

    def _state(self, gradients: bool = False) -> "_State":
        """The state as it is now; asked for once, until something may have changed it."""
        if self._known is None or (gradients and not self._known.gradients):
            known, loaded = (self._loaded.number, self._loaded.tensors) if self._loaded else (0, {})
            result, tensors = self._ask("state", {"gradients": gradients, "known": known})
            with self._session.judged():
                self._known = _State.from_reply(result, tensors, loaded, gradients)
        return self._known

    def changed(self) -> None:
        """What is known of its state may be true no longer."""
        self._known = None

    def _postpone(
        self,
        operation: str,
        arguments: Mapping[str, Any] | None = None,
        tensors: Mapping[str, Tensor] | None = None,
        done: Callable[[], None] = lambda: None,
    ) -> None:
        self.changed()
        what = f"`{self.name}.{operation}`"
        self._session.postpone(what, operation, {"module": self.handle, **(arguments or {})}, tensors, done)

    def _ask(
        self,
        operation: str,
        arguments: Mapping[str, Any] | None = None,
        tensors: Mapping[str, Tensor] | None = None,
    ) -> tuple[dict[str, Any], dict[str, Tensor]]:
        what = f"`{self.name}.{NAMES.get(operation, operation)}`"
        return self._session.request(what, operation, {"module": self.handle, **(arguments or {})}, tensors)


NAMES = {"repeat": "forward", "state": "state_dict", "gradients": "parameters"}
"""Of operations that are called otherwise in the student's code."""


class _Loaded:
    """A state that was sent to be loaded into a module, and that the worker keeps once it is `confirmed`."""

    def __init__(self, number: int, state: Mapping[str, Tensor]):
        self.number, self.confirmed = number, False
        self.tensors = {name: value.detach() for name, value in state.items()}
        self._versions = {name: value._version for name, value in state.items()}

    def confirm(self) -> None:
        """The worker has loaded it."""
        self.confirmed = True

    def has(self, name: str, value: Tensor) -> bool:
        """Whether this is the tensor of that name, as it was then."""
        mine = self.tensors.get(name)
        if mine is None or value.data_ptr() != mine.data_ptr() or value._version != self._versions[name]:
            return False
        return (value.dtype, value.shape, value.stride()) == (mine.dtype, mine.shape, mine.stride())


@dataclass(frozen=True)
class _State:
    """Copies of a module's tensors.

    Args:
        tensors: its `state_dict()`.
        parameters: by name, with their `grad`.
        gradients: whether gradients were asked for.
    """

    tensors: dict[str, Tensor]
    parameters: dict[str, Tensor]
    gradients: bool

    @classmethod
    def from_reply(
        cls, result: dict[str, Any], tensors: dict[str, Tensor], loaded: Mapping[str, Tensor], gradients: bool
    ) -> "_State":
        """Check and sort what a worker sent; what it only names is as it was `loaded`."""
        sorted_: dict[str, dict[str, Tensor]] = {"state": {}, "value": {}, "grad": {}}
        for key, tensor in tensors.items():
            kind, _, name = key.partition(":")
            if kind not in sorted_:
                raise wire.WireError("expected a state")
            sorted_[kind][name] = tensor
        names = wire.fields(result, {"state": list, "parameters": list})["state"]
        if not all(type(name) is str for name in names) or len(set(names)) < len(names):
            raise wire.WireError("expected the names of a state")
        if not sorted_["state"].keys() <= set(names) <= sorted_["state"].keys() | loaded.keys():
            raise wire.WireError("expected each tensor of the state")
        sorted_["state"] = {n: sorted_["state"][n] if n in sorted_["state"] else loaded[n].detach() for n in names}
        parameters = {}
        for entry in result["parameters"]:
            if type(entry) is not list or [type(part) for part in entry] != [str, bool]:
                raise wire.WireError("expected names of parameters")
            name, trainable = entry
            value = sorted_["value"].pop(name, sorted_["state"].get(name))
            if value is None or name in parameters:
                raise wire.WireError("expected the value of each parameter")
            parameters[name] = value.detach().requires_grad_(trainable and _differentiable(value))
            if (grad := sorted_["grad"].pop(name, None)) is not None:
                check({name: grad}, {name: (value.dtype, tuple(value.shape))})
                parameters[name].grad = grad
        if sorted_["value"] or sorted_["grad"]:
            raise wire.WireError("expected parameters only")
        return cls(sorted_["state"], parameters, gradients)


class RemoteSkeleton:
    """Names and shapes of a module's parameters as the worker reports them; for counting and messages only."""

    def __init__(self, shapes: list[tuple[str, list[int]]]):
        self._shapes = shapes

    def named_parameters(self) -> list[tuple[str, Tensor]]:
        """Names, and tensors without values (on the meta device)."""
        return [(name, torch.empty(shape, device="meta")) for name, shape in self._shapes]


class RemoteAdam(RemoteObject):
    """An optimizer in the worker, where the parameters are."""

    def __init__(self, session: Session, module: RemoteModule, lr: float):
        super().__init__(session)
        self._module = module
        self._request("adam", {"optimizer": self._handle, "module": module.handle, "lr": lr})

    def step(self) -> None:
        """Update the parameters with their gradients."""
        self._request("step", {"optimizer": self.handle})

    def _request(self, operation: str, arguments: Mapping[str, Any]) -> None:
        self._module.changed()
        self._session.postpone("the optimizer's step", operation, arguments)


class RemoteCall(RemoteObject):
    """One forward pass; the worker keeps its graph as long as this object exists."""

    def __init__(self, session: Session, module: RemoteModule):
        super().__init__(session)
        self._module = module

    def backward(self, gradient: Tensor, x: Tensor | None) -> Tensor | None:
        """Propagate the gradient of the output. Gradients of parameters stay in the worker; that of `x` is returned."""
        what = f"the backward pass of `{self._module.name}`"
        self._module.changed()
        if x is None:  # nobody needs it
            self._session.postpone(what, "backward", {"call": self.handle}, {"y": gradient})
            return None
        result, tensors = self._session.request(what, "backward", {"call": self.handle}, {"y": gradient})
        with self._session.judged():
            wire.fields(result, {})
            check(tensors, {name: (x.dtype, tuple(x.shape)) for name in tensors.keys() & {"x"}})
        return tensors.get("x")


class Opaque:
    """What the student's code returned instead of a tensor or module; only its type is known.

    Whatever a check does with it raises a `StudentError`: that it is no tensor is the student's mistake.
    """

    def __init__(self, type_name: str):
        self.type_name = "".join(filter(str.isprintable, type_name))[:MAX_TYPE_NAME]

    def __repr__(self) -> str:
        return f"<{self.type_name}>"

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise StudentError("TypeError", f"'{self.type_name}' object is not callable", "")

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise StudentError("AttributeError", f"'{self.type_name}' object has no attribute '{name}'", "")

    def __bool__(self) -> bool:
        return True

    def _refuse(self, *_: Any) -> Any:
        raise StudentError("TypeError", f"expected a tensor, got {self.type_name}", "")

    __len__ = __iter__ = __getitem__ = __float__ = __neg__ = __abs__ = _refuse
    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = __truediv__ = __rtruediv__ = _refuse
    __lt__ = __le__ = __gt__ = __ge__ = _refuse

    @classmethod
    def __torch_function__(cls, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(function, "__name__", "an operation")
        raise StudentError("TypeError", f"{name} expected tensors, got another object", "")


class _Forward(torch.autograd.Function):
    """Adds a forward pass of a worker to the autograd graph of this process.

    The second argument is a dummy that requires a gradient, as parameters do even if the input does not.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, anchor: Tensor, call: RemoteCall, tensors: dict[str, Tensor]) -> Tensor:
        ctx.call = call
        ctx.x = torch.empty_like(x, device="meta")
        return tensors["y"]

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, None, None, None]:
        return ctx.call.backward(gradient, ctx.x if ctx.needs_input_grad[0] else None), None, None, None


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


def _is_name(name: Any) -> bool:
    return type(name) is str and len(name) <= MAX_NAME and name.isprintable()


def _named_shape(entry: Any) -> tuple[str, list[int]]:
    """A parameter's name and shape, as a worker sent them."""
    name, shape = entry if type(entry) is list and len(entry) == 2 else (None, None)
    if not _is_name(name) or type(shape) is not list:
        raise wire.WireError("expected a name and a shape")
    if not all(type(size) is int and size >= 0 for size in shape) or math.prod(shape) > MAX_PARAMETERS:
        raise wire.WireError("expected a shape")
    return name, shape


def _differentiable(tensor: Tensor) -> bool:
    return tensor.is_floating_point() or tensor.is_complex()
