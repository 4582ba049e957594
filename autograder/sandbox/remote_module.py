"""A module of the student in a worker: its tensors are copied, its passes and gradients are computed there."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from autograder.sandbox import wire
from autograder.sandbox.limits import MAX_OUTLINED
from autograder.sandbox.remote_object import Opaque, RemoteObject
from autograder.sandbox.session import Session
from autograder.sandbox.tensors import MAX_NAME, check, from_outline
from autograder.student.passes import Proxy
from autograder.student.state import is_float_kernel

MAX_PARAMETERS = 1 << 40  # in one tensor


class RemoteModule(RemoteObject, Proxy):
    """A module of the student. Its tensors are copies; `backward()` on its output reaches the module."""

    def __init__(self, session: Session, name: str):
        super().__init__(session)
        self.name = name
        self.training = True
        self._loaded: _Loaded | None = None
        self._known: tuple[int, _State] | None = None
        self._called = False
        self._outline: _State | None = None

    def __call__(self, x: Tensor) -> Tensor | Opaque:
        """Compute module(x). If the code changes `x` in place, the caller's `x` changes as well."""
        self.used()
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

    def outputs(self, inputs: Sequence[Tensor], state: Mapping[str, Tensor] | None = None) -> list[Tensor | Opaque]:
        """As `student.passes.outputs_of`; stops at what is no tensor."""
        self.used()
        names, changed = self._without_loaded(state or {})
        given = {f"state:{name}": value for name, value in changed.items()}
        different = {f"x:{id(x)}": x for x in inputs}
        arguments = {"inputs": [f"x:{id(x)}" for x in inputs], "afresh": state is not None, "names": names}
        result, tensors = self._ask("outputs", arguments, {**different, **given})
        with self._session.judged():
            kind = wire.fields(result, {"type_name": str})["type_name"]
            if list(tensors) != [str(number) for number in range(len(tensors))] or len(tensors) > len(inputs):
                raise wire.WireError("expected outputs")
        return [*tensors.values(), *([Opaque(kind)] if len(tensors) < len(inputs) else [])]

    def used(self) -> None:
        """The module may have other tensors than before, as after a pass; not so after `load_state_dict`."""
        self._called, self._outline = True, None

    def in_train_mode(self, x: Tensor, upstream: Tensor, repeats: int) -> dict[str, Tensor]:
        """As `student.passes.in_train_mode`; which tensors there are is not checked."""
        self.used()
        result, tensors = self._ask("in_train_mode", {"repeats": repeats}, {"x": x, "upstream": upstream})
        with self._session.judged():
            wire.fields(result, {})
        return tensors

    def train(self, mode: bool = True) -> "RemoteModule":
        """As in `nn.Module`."""
        self._postpone("train", {"mode": mode})
        self.training = mode
        return self

    def eval(self) -> "RemoteModule":
        """As in `nn.Module`."""
        return self.train(False)

    def state_dict(self, kernels: bool = True) -> dict[str, Tensor]:
        """As in `nn.Module`, but with copies of the tensors; without `kernels`, as `student.state.outline_of`."""
        return dict(self._state(kernels=kernels).tensors)

    def load_state_dict(self, state: Mapping[str, Tensor], whole: bool = True) -> None:
        """As in `nn.Module`, strict; if it is not the `whole` state, as `student.state.update_state`."""
        names, changed = self._without_loaded(state)
        kept = self._loaded if names is not None and not whole else None
        self._loaded = _Loaded(self._session.new_handle(), state, kept)
        arguments = {"number": self._loaded.number, "names": names, "whole": whole}
        self._postpone("load_state_dict", arguments, changed, self._loaded.confirm)

    def step_along_gradients(self, state: Mapping[str, Tensor], size: float) -> None:
        """As `student.passes.step_along_gradients`."""
        names, changed = self._without_loaded(state)
        self._postpone("step_along", {"names": names, "size": size}, changed)

    def _without_loaded(self, state: Mapping[str, Tensor]) -> tuple[list[str] | None, Mapping[str, Tensor]]:
        """The names of a state, and the tensors that the worker does not have from the last one; None: it has none."""
        if self._loaded is None or not self._loaded.confirmed:
            return None, state
        return list(state), {name: value for name, value in state.items() if not self._loaded.has(name, value)}

    def named_parameters(self, kernels: bool = True) -> list[tuple[str, Tensor]]:
        """Names and copies of the parameters, with their current `grad`; without `kernels`, as
        `student.state.parameters_of`, where they have none."""
        return list(self._state(gradients=self._called and kernels, kernels=kernels).parameters.items())

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

    def gradient_norms(self) -> dict[str, float | None]:
        """As `student.passes.gradient_norms`."""
        result, tensors = self._ask("gradient_norms")
        with self._session.judged():
            names = wire.fields(result, {"names": list})["names"]
            if not all(type(one) is list and list(map(type, one)) == [str, bool] and _is_name(one[0]) for one in names):
                raise wire.WireError("expected names of parameters")
            check(tensors, {"norms": (torch.float64, (sum(given for _, given in names),))})
        norms = iter(tensors["norms"].tolist())
        return {name: next(norms) if given else None for name, given in names}

    def shared_with(self, another: "RemoteModule") -> list[str]:
        """As `student.passes.shared_tensors`."""
        result, tensors = self._ask("shared", {"another": another.handle})
        with self._session.judged():
            check(tensors, {})
            names = wire.fields(result, {"names": list})["names"]
            if not all(map(_is_name, names)):
                raise wire.WireError("expected names")
        return names

    def modes_return_module(self) -> bool:
        """As `student.passes.modes_return_module`."""
        result, tensors = self._ask("modes")
        with self._session.judged():
            check(tensors, {})
            answer = wire.fields(result, {"return_module": bool})["return_module"]
        self.training = False
        return answer

    def zero_grad(self) -> None:
        """As in `nn.Module`."""
        self._postpone("zero_grad")

    def _state(self, gradients: bool = False, kernels: bool = True) -> "_State":
        """The state as it is now; asked for once, until something is asked that may change it.

        That may be asked of another module: two of them may share a tensor, which is a mistake. An outline, without
        `kernels`, is asked for once until the module is used; its values are those of then.
        """
        if self._outline is not None and not kernels:
            return self._outline
        session = self._session
        is_known = self._known is not None and self._known[0] == session.frames and not session.waiting
        if not is_known or not self._known[1].suffices(gradients, kernels):
            known, loaded = (self._loaded.number, self._loaded.tensors) if self._loaded else (0, {})
            result, tensors = self._ask("state", {"gradients": gradients, "kernels": kernels, "known": known})
            with self._session.judged():
                self._known = session.frames, _State.from_reply(result, tensors, loaded, gradients, kernels)
        if not self._known[1].kernels:
            self._outline = self._known[1]
        return self._known[1]

    def _postpone(
        self,
        operation: str,
        arguments: Mapping[str, Any] | None = None,
        tensors: Mapping[str, Tensor] | None = None,
        done: Callable[[], None] = lambda: None,
    ) -> None:
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


NAMES = {
    **dict.fromkeys(("outputs", "in_train_mode"), "forward"),
    **dict.fromkeys(("state", "shared"), "state_dict"),
    **dict.fromkeys(("gradients", "gradient_norms"), "parameters"),
    "step_along": "load_state_dict",
    "modes": "train",
}
"""Of operations that are called otherwise in the student's code."""


class _Loaded:
    """A state that was sent to be loaded into a module, and that the worker keeps once it is `confirmed`.

    Args:
        number: its own.
        state: the tensors.
        kept: what was loaded before and is kept beside them.
    """

    def __init__(self, number: int, state: Mapping[str, Tensor], kept: "_Loaded | None" = None):
        self.number, self.confirmed = number, False
        self.tensors = {**(kept.tensors if kept else {}), **{name: value.detach() for name, value in state.items()}}
        self._versions = {**(kept._versions if kept else {}), **{n: value._version for n, value in state.items()}}

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
        kernels: whether the values of the weights of layers were asked for.
    """

    tensors: dict[str, Tensor]
    parameters: dict[str, Tensor]
    gradients: bool
    kernels: bool

    def suffices(self, gradients: bool, kernels: bool) -> bool:
        """Whether it has what is asked for."""
        return self.gradients >= gradients and self.kernels >= kernels

    @classmethod
    def from_reply(
        cls,
        result: dict[str, Any],
        tensors: dict[str, Tensor],
        loaded: Mapping[str, Tensor],
        gradients: bool,
        kernels: bool,
    ) -> "_State":
        """Check and sort what a worker sent; what it only names is as it was `loaded`."""
        sorted_: dict[str, dict[str, Tensor]] = {"state": {}, "value": {}, "grad": {}}
        for key, tensor in tensors.items():
            kind, _, name = key.partition(":")
            if kind not in sorted_:
                raise wire.WireError("expected a state")
            sorted_[kind][name] = tensor
        names = wire.fields(result, {"state": list, "parameters": list, "outlines": dict})["state"]
        if not all(type(name) is str for name in names) or len(set(names)) < len(names):
            raise wire.WireError("expected the names of a state")
        outlined = {name: from_outline(entry) for name, entry in result["outlines"].items()}
        if outlined and (kernels or sum(value.nbytes for value in outlined.values()) > MAX_OUTLINED):
            raise wire.WireError("expected values")
        if sorted_["state"].keys() & outlined or not all(
            _is_name(name) and is_float_kernel(value) for name, value in outlined.items()
        ):
            raise wire.WireError("expected outlines of weights")
        sorted_["state"] |= outlined
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
        if sorted_["value"] or sorted_["grad"] or not outlined.keys() <= parameters.keys():
            raise wire.WireError("expected parameters only")
        return cls(sorted_["state"], parameters, gradients, kernels)


class RemoteSkeleton:
    """Names and shapes of a module's parameters as the worker reports them; for counting and messages only."""

    def __init__(self, reported: list[Any]):
        self._shapes = [_named_shape(entry) for entry in reported]

    def named_parameters(self, kernels: bool = False) -> list[tuple[str, Tensor]]:
        """Names, and tensors without values (on the meta device), whatever is asked for."""
        return [(name, torch.empty(shape, device="meta")) for name, shape in self._shapes]


class RemoteAdam(RemoteObject):
    """An optimizer in the worker, where the parameters are."""

    def __init__(self, session: Session, module: RemoteModule, lr: float):
        super().__init__(session)
        self._module = module
        arguments = {"optimizer": self._handle, "module": module.handle, "lr": lr}
        session.postpone("the optimizer's step", "adam", arguments)

    def step(self) -> None:
        """Update the parameters with their gradients."""
        self._module.used()
        self._session.postpone("the optimizer's step", "step", {"optimizer": self.handle})


class RemoteCall(RemoteObject):
    """One forward pass; the worker keeps its graph as long as this object exists."""

    def __init__(self, session: Session, module: RemoteModule):
        super().__init__(session)
        self._module = module

    def backward(self, gradient: Tensor, x: Tensor | None) -> Tensor | None:
        """Propagate the gradient of the output. Gradients of parameters stay in the worker; that of `x` is returned."""
        what = f"the backward pass of `{self._module.name}`"
        if x is None:  # nobody needs it
            self._session.postpone(what, "backward", {"call": self.handle}, {"y": gradient})
            return None
        result, tensors = self._session.request(what, "backward", {"call": self.handle}, {"y": gradient})
        with self._session.judged():
            wire.fields(result, {})
            check(tensors, {name: (x.dtype, tuple(x.shape)) for name in tensors.keys() & {"x"}})
        return tensors.get("x")


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
