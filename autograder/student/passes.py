"""What checks ask of a module that takes several steps, and one request where the student's code is in a worker."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from autograder.student.state import load_state


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
    def outputs(self, inputs: Sequence[Tensor], state: Mapping[str, Tensor] | None = None) -> list[Any]:
        """As the function `outputs_of`; stops at what is no tensor."""


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
