"""What a module computes with given weights and input, and what a program computes with the same: both are compared."""

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor

from autograder.oracle.interpreter import Memory, run
from autograder.oracle.program import Program
from autograder.student.passes import gradients_of
from autograder.student.state import is_vector, state_of

Aspect = Literal["eval", "train", "gradient", "fresh"]
""""fresh" is the mode in which the student's function returned the module."""

TOLERANCE = 2e-4
"""Largest difference, relative to the largest value, that counts as rounding. A student's float32 pass differs from the
float64 reference by less than 1e-5 on these sizes, whatever the order of summation; TF32 is not used on a CPU. The
smallest mistake that has a name, another eps in BatchNorm, changes outputs by 5e-4 and more."""
GRADIENT_TOLERANCE = 2e-2
"""Gradients are compared as whole tensors (2-norm): among the half million activations of a network some lie within
rounding of zero, where one ReLU switches and a few values of a gradient change. A detached branch changes gradients by
half their size."""

ABOUT_GRADIENTS = ("the gradient of", "the input's gradient")
"""Beginnings of the differences that are reported where everything else agrees."""
ROUNDING = 1e-4
"""What float32 makes of a gradient that should be zero, relative to the largest gradient."""


@dataclass
class Observation:
    """The output and, depending on the aspect, running statistics and gradients, by tensor name.

    Where the code raised, running statistics tell how far it came.

    Args:
        aspect: what was observed.
        x: the input.
        upstream: the gradient of the output, for "gradient".
        output: None where there is none: the code raised, or the program's depends on random numbers.
        form: "" for a tensor of the input's type; otherwise what came instead, "tuple" or "float16".
        x_after: the input after the pass.
        statistics: running statistics after the pass, for "train".
        input_gradient: for "gradient".
        gradients: of the parameters, for "gradient".
        error: what was raised.
    """

    aspect: Aspect
    x: Tensor
    upstream: Tensor | None
    output: Any
    form: str = ""
    x_after: Tensor | None = None
    statistics: dict[str, Tensor] = field(default_factory=dict)
    input_gradient: Tensor | None = None
    gradients: dict[str, Tensor | None] = field(default_factory=dict)
    error: Exception | None = None

    @cached_property
    def exact_x(self) -> Tensor:
        """The input in float64."""
        return self.x.double()

    @cached_property
    def peak(self) -> tuple[int, float, float] | None:
        """Index and value of the largest output, and how much another may differ there; None where there is none.

        An output that differs more there does so in `difference` too, whatever its own largest value is.
        """
        values = self.output
        if not isinstance(values, Tensor) or not values.is_floating_point() or not values.numel():
            return None
        values = values.double().flatten()
        index = int(values.abs().argmax())
        tolerance = _tolerance(self.output, TOLERANCE)
        return index, float(values[index]), abs(float(values[index])) * tolerance / (1 - tolerance)

    @property
    def input_changed(self) -> bool:
        """Whether the pass wrote into the tensor that it was given."""
        return self.x_after is not None and not torch.equal(self.x_after, self.x)


def observe(module: Any, x: Tensor, aspect: Aspect, generator: torch.Generator) -> Observation:
    """Run the student's module once; raises what the student's code raises."""
    if aspect != "fresh":
        module.train() if aspect != "eval" else module.eval()
    given = x.clone().requires_grad_(aspect == "gradient")
    with torch.set_grad_enabled(aspect == "gradient"):
        output = module(given)
    seen = Observation(aspect, x, None, output, x_after=given.detach())
    if aspect == "train":
        seen.statistics = statistics_of(module)
    if not isinstance(output, Tensor):
        seen.form = getattr(output, "type_name", type(output).__name__)
        return seen
    seen.form = "" if output.dtype == x.dtype else str(output.dtype).removeprefix("torch.")
    seen.output = output.detach().clone()
    if aspect == "gradient":
        seen.upstream = torch.randn(output.shape, generator=generator)
        if output.requires_grad:
            output.backward(seen.upstream.to(output.dtype))
            seen.gradients = {n: None if g is None else g.clone() for n, g in gradients_of(module).items()}
            seen.input_gradient = given.grad
    return seen


def statistics_of(module: Any) -> dict[str, Tensor]:
    """A copy of the module's tensors with one value per channel: running statistics are among them."""
    return {name: value.detach().clone() for name, value in state_of(module).items() if is_vector(value)}


def replay(
    program: Program,
    names: Mapping[str, str],
    drawn: Mapping[str, Tensor],
    seen: Observation,
    memory: Memory | None = None,
    until_error: bool = False,
) -> Observation:
    """Compute the same observation for a program, with the student's weights in the roles that `names` assigns.

    Args:
        drawn: the weights in float64.
        memory: of other programs on this observation.
        until_error: return what happened before an error, also where the student's code raised none.

    Raises:
        Exception: one of `interpreter.DOES_NOT_FIT`.
    """
    gradient = seen.aspect == "gradient"
    weights = {role.name: drawn[names[role.name]] for role in program.roles}
    if gradient:
        kept = {role.name for role in program.roles if role.kind in ("mean", "var")}
        weights = {n: v if n in kept else v.detach().requires_grad_() for n, v in weights.items()}
    training = seen.aspect != "eval" and not (seen.aspect == "fresh" and program.fact("mode") == "eval")
    bound: Mapping[str, Hashable] | None = None if gradient else names
    x = seen.x.double().requires_grad_(True) if gradient else seen.exact_x
    with torch.set_grad_enabled(gradient):
        until_error = until_error or (seen.error is not None and bool(seen.statistics))
        result = run(program, weights, x, training, None if gradient else memory, bound, until_error)
    output = result.output
    expected = Observation(
        *(seen.aspect, seen.x, seen.upstream, None if output is None else output.detach(), result.form),
        x_after=None if result.x is None else result.x.detach(),
        error=result.error,
    )
    if seen.aspect == "train" or seen.statistics:
        expected.statistics = {names[role]: value for role, value in result.statistics.items()}
    if output is not None and seen.upstream is not None and seen.upstream.shape == output.shape:
        if output.requires_grad:
            output.backward(seen.upstream.double())
        expected.input_gradient = x.grad
        expected.gradients = {names[role]: w.grad for role, w in weights.items() if w.requires_grad}
    return expected


def to_float64(drawn: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The weights as float64, which holds every float32 exactly."""
    return {name: value.double() for name, value in drawn.items() if value.is_floating_point()}


def difference(expected: Observation, seen: Observation) -> str:
    """The first difference between the two, in words; "" where they agree."""
    if seen.input_changed and not expected.input_changed:
        return "forward changes its input in place, although the caller may still need it"
    if expected.input_changed and (complaint := _differ(seen.x_after, expected.x_after, "the input", TOLERANCE)):
        return complaint
    if seen.form != expected.form:
        if isinstance(seen.output, Tensor):
            return f"the output has the type {_name(seen.output.dtype)}, the input {_name(seen.x.dtype)}"
        return "the output is missing" if seen.form == "NoneType" else f"the output is a {seen.form}, not a tensor"
    if expected.output is not None and (complaint := _differ(seen.output, expected.output, "the output", TOLERANCE)):
        return complaint
    if complaints := differing_statistics(expected, seen):
        return complaints[0]
    if expected.aspect != "gradient" or expected.output is None:
        return ""
    of, at_input = ABOUT_GRADIENTS
    pairs = {f"{of} {name}": (seen.gradients.get(name), value) for name, value in expected.gradients.items()}
    pairs = {at_input: (seen.input_gradient, expected.input_gradient), **pairs}
    largest = max((float(value.norm()) for _, value in pairs.values() if value is not None), default=0.0)
    return next(filter(None, (_differ_as_a_whole(*pair, what, largest) for what, pair in pairs.items())), "")


def differ_at_peak(expected: Observation, seen: Observation) -> bool:
    """Whether outputs of the same shape differ at the largest value: this is quick, and `difference` says so too."""
    if seen.peak is None or expected.output is None or expected.output.shape != seen.output.shape:
        return False
    index, value, allowed = seen.peak
    return abs(float(expected.output.reshape(-1)[index]) - value) > allowed


def differing_statistics(expected: Observation, seen: Observation) -> list[str]:
    """The differences between running statistics, in words."""
    pairs = ((name, seen.statistics.get(name), value) for name, value in expected.statistics.items())
    return [*filter(None, (_differ(mine, value, f"{n} after the pass", TOLERANCE) for n, mine, value in pairs))]


def _differ_as_a_whole(seen: Any, expected: Tensor | None, what: str, largest: float) -> str:
    """As `_differ`, by the 2-norm of the difference.

    A gradient that is zero but for rounding, as that of a bias before BatchNorm, is compared with the `largest` one.
    """
    if expected is None or not expected.any() or not isinstance(seen, Tensor) or seen.numel() != expected.numel():
        return _differ(seen, expected, what, GRADIENT_TOLERANCE)
    distance = float((seen.detach().double().reshape(expected.shape) - expected).norm())
    size = float(expected.norm())
    if distance <= max(GRADIENT_TOLERANCE * size, ROUNDING * largest):  # not so for values that are not a number
        return ""
    return f"{what} is off by {distance / size:.0%} of its length"


def _differ(seen: Any, expected: Tensor | None, what: str, tolerance: float) -> str:
    if expected is None or not expected.any():
        nothing = seen is None or (isinstance(seen, Tensor) and not seen.any())
        return "" if nothing else f"{what} is not zero as it should be"
    if not isinstance(seen, Tensor):
        return f"{what} is missing"
    if seen.numel() != expected.numel() or (seen.dim() > 1 and expected.dim() > 1 and len(seen) != len(expected)):
        return f"{what} has the shape {tuple(seen.shape)}, not {tuple(expected.shape)}"
    if not seen.is_floating_point():
        return f"{what} has the type {_name(seen.dtype)}, not floating point"
    if not torch.isfinite(seen).all():
        return f"{what} holds values that are infinite or not a number"
    if what == "the output" and seen.shape != expected.shape:
        return f"{what} has the shape {tuple(seen.shape)}, not {tuple(expected.shape)}"
    tolerance = _tolerance(seen, tolerance)
    distance = (seen.detach().double().reshape(expected.shape) - expected).abs()
    scale = float(expected.abs().max())
    if float(distance.max()) <= tolerance * scale:
        return ""
    count = int((distance > tolerance * scale).sum())
    return (
        f"{what} differs in {count} of {distance.numel()} values, by up to {float(distance.max()):.3g} "
        f"where the largest value is {scale:.3g}"
    )


def _tolerance(seen: Tensor, tolerance: float) -> float:
    """What counts as rounding for values of this type."""
    return max(tolerance, 8 * torch.finfo(seen.dtype).eps)


def _name(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
