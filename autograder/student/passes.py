"""What checks ask of a module that takes several steps, and one request where the student's code is in a worker."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor

from autograder.student.state import is_vector, load_state, place_of, state_of


class Proxy(ABC):
    """A module in a worker, see `sandbox.remote_module`."""

    @property
    @abstractmethod
    def is_there(self) -> bool:
        """Whether the worker that holds the module is still there."""

    @abstractmethod
    def gradients(self) -> dict[str, Tensor | None]:
        """The current `grad` of each parameter, by its name."""

    @abstractmethod
    def gradient_norms(self) -> dict[str, float | None]:
        """As the function `gradient_norms`."""

    @abstractmethod
    def step_along_gradients(self, state: Mapping[str, Tensor], size: float) -> None:
        """As the function `step_along_gradients`."""

    @abstractmethod
    def modes_return_module(self) -> bool:
        """As the function `modes_return_module`."""

    @abstractmethod
    def shared_with(self, another: "Proxy") -> list[str]:
        """As the function `shared_tensors`."""

    @abstractmethod
    def in_train_mode(self, x: Tensor, upstream: Tensor, repeats: int) -> dict[str, Tensor]:
        """As the function `in_train_mode`."""

    @abstractmethod
    def outputs(self, inputs: Sequence[Tensor], state: Mapping[str, Tensor] | None = None) -> list[Any]:
        """As the function `outputs_of`; stops at what is no tensor."""


def settle(student: Any) -> None:
    """Have everything executed that a worker was asked for and nobody waited for.

    What it raises belongs to the check that asked for it, and not to a look that catches exceptions.
    """
    if hasattr(type(student), "flush"):
        student.flush()


def on_behalf_of(student: Any, question: str) -> AbstractContextManager[None]:
    """A context in which workers that end count for this question, where the code is in a worker."""
    return student.on_behalf_of(question) if hasattr(type(student), "on_behalf_of") else nullcontext()


def gradients_of(module: Any) -> dict[str, Tensor | None]:
    """The current `grad` of each parameter of a module, by its name."""
    if isinstance(module, Proxy):
        return module.gradients()
    return {name: parameter.grad for name, parameter in module.named_parameters()}


def gradient_norms(module: Any) -> dict[str, float | None]:
    """The 2-norm of the current `grad` of each parameter of a module; None where it has none."""
    if isinstance(module, Proxy):
        return module.gradient_norms()
    return {n: None if g is None else float(g.double().norm()) for n, g in gradients_of(module).items()}


def step_along_gradients(module: Any, state: Mapping[str, Tensor], size: float) -> None:
    """Load the state plus `size` times the current gradients."""
    if isinstance(module, Proxy):
        module.step_along_gradients(state, size)
        return
    gradients = gradients_of(module).items()
    load_state(module, {**state, **{name: state[name] + size * g for name, g in gradients if g is not None}})


def modes_return_module(module: Any) -> bool:
    """Whether train() and eval() return the module, as those of PyTorch; leaves it in eval mode."""
    if isinstance(module, Proxy):
        return module.modes_return_module()
    return all(returned is module for returned in (module.train(), module.eval()))


def is_there(module: Any) -> bool:
    """Whether a module can still be used: one in a worker is lost when the worker ends."""
    return not isinstance(module, Proxy) or module.is_there


def shared_tensors(module: Any, another: Any) -> list[str]:
    """Names of the floating-point tensors of a module that `another` has as well, in the same memory."""
    if isinstance(module, Proxy):
        return module.shared_with(another)
    places = {place_of(value) for value in state_of(another).values()} - {None}
    return [n for n, value in state_of(module).items() if value.is_floating_point() and place_of(value) in places]


def outputs_of(module: Any, inputs: Sequence[Tensor], state: Mapping[str, Tensor] | None = None) -> list[Any]:
    """Compute module(x) for each of the inputs in turn, with a copy of it, without gradients.

    Args:
        state: loaded before each pass, where it is given.
    """
    if isinstance(module, Proxy):
        return module.outputs(inputs, state)
    outputs = []
    with torch.no_grad():
        for x in inputs:
            if state is not None:
                load_state(module, state)
            output = module(x.clone())
            outputs.append(output.clone() if isinstance(output, Tensor) else output)  # it may be a view of a weight
    return outputs


def in_train_mode(module: Any, x: Tensor, upstream: Tensor, repeats: int) -> dict[str, Tensor]:
    """Compute module(x) in train mode with gradients, and a few times more without.

    Args:
        upstream: the gradient of the output.
        repeats: how many times more.

    Returns:
        The first output, "y"; the gradient of the input, "x"; those of the parameters, "gradient NAME"; the tensors
        with one value per channel as the first pass left them, "state NAME"; the other outputs, "again 0" and so on.

    Raises:
        ValueError: the output is no tensor like `upstream`.
    """
    if isinstance(module, Proxy):
        return module.in_train_mode(x, upstream, repeats)
    module.zero_grad()  # a layer outside of the module has gradients already
    module.train()
    leaf = x.clone().requires_grad_()
    with torch.enable_grad():
        y = module(leaf)
    if not isinstance(y, Tensor) or y.shape != upstream.shape or y.dtype != upstream.dtype:
        raise ValueError("another output than expected")
    found = {"y": y.detach().clone()}
    found |= {f"state {name}": value.clone() for name, value in state_of(module).items() if is_vector(value)}
    y.backward(upstream)
    found |= {f"gradient {name}": value for name, value in gradients_of(module).items() if value is not None}
    found["x"] = leaf.grad
    return found | {f"again {number}": y for number, y in enumerate(outputs_of(module, [x] * repeats))}
