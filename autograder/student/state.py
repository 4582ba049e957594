"""A module's state as the checks see it: each tensor once, under one name, and nothing but tensors.

A layer or a parameter may be registered under two names; `state_dict()` has it twice, and a check that changes one of
them would have it written back by the other.
"""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

EXTRA = "_extra_state"
"""The last part of the names under which `state_dict()` holds what `get_extra_state` of a module returns."""


def state_of(module: Any) -> dict[str, Tensor]:
    """The tensors of `state_dict()`, each under one name: that of the parameter, or else the first."""
    if not isinstance(module, nn.Module):  # it is in a worker, where this function is called
        return module.state_dict()
    first = _first_names(module, state := module.state_dict())
    return {name: value for name, value in state.items() if first.get(name) == name}


def outline_of(module: Any) -> dict[str, Tensor]:
    """As `state_of`, for those who ask for names and shapes: of a module in a worker, weights of layers are without
    values, on the meta device, and other values may be those before `load_state`."""
    return state_of(module) if isinstance(module, nn.Module) else module.state_dict(kernels=False)


def parameters_of(module: Any) -> dict[str, Tensor]:
    """A module's parameters by name; weights of layers may be without values, as in `outline_of`."""
    return dict(module.named_parameters() if isinstance(module, nn.Module) else module.named_parameters(kernels=False))


def is_kernel(value: Tensor) -> bool:
    """A weight of a convolution or a linear layer; a BatchNorm's may have the shape (1, C, 1, 1)."""
    return value.dim() > 1 and value.numel() > max(value.shape)


def is_float_kernel(value: Tensor) -> bool:
    """One of floating-point numbers."""
    return is_kernel(value) and value.is_floating_point()


def update_state(module: Any, changes: Mapping[str, Tensor]) -> None:
    """Load these tensors, and leave the others of the module's state as they are."""
    if isinstance(module, nn.Module):
        load_state(module, {**state_of(module), **changes})
    else:
        module.load_state_dict(changes, whole=False)


def is_vector(value: Tensor) -> bool:
    """Whether a tensor has one value per channel, as running statistics do."""
    return value.is_floating_point() and value.numel() == max(value.shape, default=1)


def load_state(module: Any, state: Mapping[str, Tensor]) -> None:
    """Load what `state_of` returned, or other values; strict, as `load_state_dict`."""
    try:
        module.load_state_dict(dict(state))
    except RuntimeError:
        if not isinstance(module, nn.Module):
            raise
        first = _first_names(module, whole := module.state_dict())
        others = {name: state[first[name]] for name in whole if first.get(name) in state}
        extra = {name: value for name, value in whole.items() if name not in first}
        if not (others | extra).keys() - state.keys():
            raise
        module.load_state_dict({**extra, **others, **state})


def _first_names(module: nn.Module, state: Mapping[str, Any]) -> dict[str, str]:
    """For the name of each tensor in the state, the name under which checks know it."""
    parameters = {name for name, _ in module.named_parameters()}
    known: dict[tuple, str] = {}
    first = {}
    for name in sorted(state, key=lambda name: name not in parameters):
        value = state[name]
        if isinstance(value, Tensor) and name.rpartition(".")[2] != EXTRA:
            first[name] = known.setdefault(place_of(value) or (name,), name)
    return first


def place_of(value: Tensor) -> tuple | None:
    """Where the tensor is in memory; None where this does not tell tensors apart."""
    try:
        return (value.data_ptr(), value.dtype, value.shape, value.stride()) if value.numel() else None
    except RuntimeError:  # one without memory: sparse, or on the meta device
        return None
