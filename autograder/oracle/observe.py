"""What a module computes with given weights and input, and what a design computes with the same: both are compared."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from autograder.oracle.design import Design
from autograder.oracle.matching import roles_of
from autograder.oracle.reference import compute

Aspect = Literal["eval", "train", "gradient"]

TOLERANCE = 2e-4
"""Largest difference, relative to the largest value, that counts as rounding. A student's float32 pass differs from the
float64 reference by less than 1e-5 on these sizes, whatever the order of summation; TF32 is not used on a CPU. The
smallest mistake of the catalogue, another eps in BatchNorm, changes outputs by 5e-4 and more."""
GRADIENT_TOLERANCE = 2e-2
"""Gradients are compared as whole tensors (2-norm): among the half million activations of a network some lie within
rounding of zero, where one ReLU switches and a few values of a gradient change. A detached branch changes gradients by
half their size."""


@dataclass
class Observation:
    """The output and, depending on the aspect, running statistics and gradients, by tensor name."""

    aspect: Aspect
    x: Tensor
    upstream: Tensor | None
    output: Any
    """None where the student's code raised."""
    statistics: dict[str, Tensor] = field(default_factory=dict)
    input_gradient: Tensor | None = None
    gradients: dict[str, Tensor | None] = field(default_factory=dict)
    input_changed: bool = False


def observe(module: Any, x: Tensor, aspect: Aspect, generator: torch.Generator) -> Observation:
    """Run the student's module once; raises what the student's code raises."""
    module.train() if aspect != "eval" else module.eval()
    given = x.clone().requires_grad_(aspect == "gradient")
    with torch.set_grad_enabled(aspect == "gradient"):
        output = module(given)
    seen = Observation(aspect, x, None, output, input_changed=not torch.equal(given.detach(), x))
    if not isinstance(output, Tensor):
        return seen
    seen.output = output.detach().clone()
    if aspect == "train":
        seen.statistics = {n: v.detach().clone() for n, v in module.state_dict().items() if v.is_floating_point()}
    if aspect == "gradient":
        seen.upstream = torch.randn(output.shape, generator=generator)
        if output.requires_grad:
            output.backward(seen.upstream.to(output.dtype))
            seen.gradients = {n: None if p.grad is None else p.grad.clone() for n, p in module.named_parameters()}
            seen.input_gradient = given.grad
    return seen


def replay(design: Design, names: dict[str, str], drawn: dict[str, Tensor], seen: Observation) -> Observation:
    """Compute the same observation for a design, with the student's weights in the roles that `names` assigns.

    Args:
        drawn: the weights in float64, see `to_float64`.
    """
    gradient = seen.aspect == "gradient"
    weights = {}
    for role in roles_of(design):
        value = drawn[names[role.name]].reshape(role.shape)
        if gradient:
            value = value.detach().clone().requires_grad_(role.kind not in ("mean", "var"))
        weights[role.name] = value
    x = seen.x.double().requires_grad_(gradient)
    with torch.set_grad_enabled(gradient):
        output, updates = compute(design, weights, x, training=seen.aspect != "eval")
    result = Observation(seen.aspect, seen.x, seen.upstream, output.detach())
    if seen.aspect == "train":
        kept = {role.name: weights[role.name] for role in roles_of(design) if role.kind in ("mean", "var")}
        result.statistics = {names[role]: value for role, value in {**kept, **updates}.items() if role in names}
    if gradient and seen.upstream is not None and seen.upstream.shape == output.shape and output.requires_grad:
        output.backward(seen.upstream.double())
        result.input_gradient = x.grad
        result.gradients = {names[role]: w.grad for role, w in weights.items() if w.requires_grad}
    return result


def to_float64(drawn: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights as float64, which holds every float32 exactly."""
    return {name: value.double() for name, value in drawn.items() if value.is_floating_point()}


def difference(expected: Observation, seen: Observation) -> str:
    """The first difference between the two, in words; "" where they agree."""
    if seen.input_changed:
        return "forward changes its input in place, although the caller may still need it"
    if complaint := _differ(seen.output, expected.output, "the output", TOLERANCE):
        return complaint
    if seen.output.dtype != seen.x.dtype:
        return f"the output has the type {_name(seen.output.dtype)}, the input {_name(seen.x.dtype)}"
    for name, value in expected.statistics.items():
        if complaint := _differ(seen.statistics.get(name), value, f"{name} after the pass", TOLERANCE):
            return complaint
    if expected.aspect != "gradient":
        return ""
    if complaint := _differ_as_a_whole(seen.input_gradient, expected.input_gradient, "the input's gradient"):
        return complaint
    for name, value in expected.gradients.items():
        if complaint := _differ_as_a_whole(seen.gradients.get(name), value, f"the gradient of {name}"):
            return complaint
    return ""


def _differ_as_a_whole(seen: Any, expected: Tensor | None, what: str) -> str:
    """As `_differ`, by the 2-norm of the difference."""
    if expected is None or not expected.any() or not isinstance(seen, Tensor) or seen.numel() != expected.numel():
        return _differ(seen, expected, what, GRADIENT_TOLERANCE)
    distance = float((seen.detach().double().reshape(expected.shape) - expected).norm())
    size = float(expected.norm())
    if distance <= GRADIENT_TOLERANCE * size:  # not so for values that are not a number
        return ""
    return f"{what} is off by {distance / size:.0%} of its length"


def _differ(seen: Any, expected: Tensor | None, what: str, tolerance: float) -> str:
    if expected is None or not expected.any():
        nothing = seen is None or (isinstance(seen, Tensor) and not seen.any())
        return "" if nothing else f"{what} is not zero as it should be"
    if not isinstance(seen, Tensor):
        kind = getattr(seen, "type_name", type(seen).__name__)
        return f"{what} is missing" if kind == "NoneType" else f"{what} is a {kind}, not a tensor"
    if seen.numel() != expected.numel() or (seen.dim() > 1 and expected.dim() > 1 and len(seen) != len(expected)):
        return f"{what} has the shape {tuple(seen.shape)}, not {tuple(expected.shape)}"
    if not seen.is_floating_point():
        return f"{what} has the type {_name(seen.dtype)}, not floating point"
    if not torch.isfinite(seen).all():
        return f"{what} holds values that are infinite or not a number"
    if what == "the output" and seen.shape != expected.shape:
        return f"{what} has the shape {tuple(seen.shape)}, not {tuple(expected.shape)}"
    distance = (seen.detach().double().reshape(expected.shape) - expected).abs()
    scale = float(expected.abs().max())
    if float(distance.max()) <= tolerance * scale:
        return ""
    count = int((distance > tolerance * scale).sum())
    return (
        f"{what} differs in {count} of {distance.numel()} values, by up to {float(distance.max()):.3g} "
        f"where the largest value is {scale:.3g}"
    )


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
