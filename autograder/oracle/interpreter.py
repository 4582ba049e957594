"""The interpreter: computes a program on given weights, in either mode, with gradients.

It computes with `torch.nn.functional`, apart from the solution, in the precision of its input: float64 where a
student's float32 result is compared, so that the difference is the student's rounding alone. Where shapes do not fit,
it raises what PyTorch raises.
"""

import copy
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor

from autograder.oracle.program import Op, Program
from autograder.student.probe import WrongWiring, wiring_message


class Memory(dict[tuple, "Step"]):
    """What was computed already on one input, for programs that begin alike."""

    size = 0
    """Bytes of the values that are kept."""

    def __setitem__(self, key: tuple, step: "Step") -> None:
        super().__setitem__(key, step)
        if step.value is not None and all(step.value is not value for value in step.inputs):
            self.size += step.value.nbytes


DOES_NOT_FIT = (RuntimeError, ValueError, LookupError)
"""What is raised where shapes do not fit, or where an edit uses what another one left out."""


class Unregistered(Exception):
    """A layer of the program is not registered, so that nobody knows its tensors."""


@dataclass
class Result:
    """What a program computes.

    Args:
        output: None where it depends on random numbers, or is no tensor.
        statistics: running statistics after the pass, by role; without those that depend on random numbers.
        x: the input after the pass: operations in place may have changed it; None where that depends on random numbers.
        form: what is returned in the place of a tensor of the input's type: "tuple", "NoneType", "float16".
        error: what it raises, with `until_error`; `statistics` are as they are then.
    """

    output: Tensor | None
    statistics: dict[str, Tensor]
    x: Tensor | None
    form: str = ""
    error: Exception | None = None


@dataclass
class Step:
    """One operation with what it needs, and what it computes."""

    op: Op
    number: int
    inputs: list[Tensor]
    tensors: dict[str, Tensor]
    """By the last part of the role's name: "weight", "gamma"."""
    training: bool
    block: int = 0
    """The number of a block in its network, from 1."""
    value: Tensor | None = None
    updates: dict[str, Tensor] = field(default_factory=dict)
    """New running statistics."""
    error: Exception | None = None

    def compute(self) -> None:
        """Set `value` and `updates`, or `error`; what depends on random numbers is NaN, which keeps shapes."""
        if not self.op["called"]:
            self.value = self.inputs[0]
        elif any(value is None for value in self.inputs):
            self.value = None
        elif not self.op["registered"]:
            raise Unregistered(self.op.name)
        else:
            try:
                value = KINDS[self.op.kind](self)
                self.value = self.inputs[0] if self.op["lost"] else value
            except DOES_NOT_FIT as error:
                self.error = error.with_traceback(None)  # its frames hold all that was computed


def run(
    program: Program,
    weights: Mapping[str, Tensor],
    x: Tensor,
    training: bool,
    memory: Memory | None = None,
    bound: Mapping[str, Hashable] | None = None,
    until_error: bool = False,
) -> Result:
    """Compute a program.

    Args:
        weights: a tensor for each role, of its shape or one with as many values.
        x: the input.
        training: the mode.
        memory: of other programs on this input, in this mode; only without gradients.
        bound: with `memory`, for each role what its tensor is known by.
        until_error: return what happened before an error instead of raising it.

    Raises:
        Exception: one of `DOES_NOT_FIT`.
        Unregistered: a layer is not registered.
    """
    memory = Memory() if memory is None else memory
    values: dict[str, tuple[int, Tensor | None]] = {"x": (-1, x)}
    state: dict[str, tuple[int, Tensor | None]] = {}
    form, error = "", None
    for one, owner, roles, block in program.plan:
        inputs = [values[name] for name in one.inputs]
        key = training, one.kind, one.options, *[number for number, _ in inputs]
        if roles:
            key += tuple([bound[role.name] for role in roles]) if bound else (one.name,)
            key += tuple([state[role.name][0] for role in roles if role.name in state])
        if (step := memory.get(key)) is None:
            start = len(owner.name) + 1
            tensors = {
                r.name[start:]: state[r.name][1] if r.name in state else weights[r.name].reshape(r.shape) for r in roles
            }
            step = Step(one, len(memory) + 1, [value for _, value in inputs], tensors, training, block)
            step.compute()
            memory[key] = step
        if (error := step.error) is not None:
            break
        values[one.name] = (step.number, step.value)
        if one["writes"]:
            if values[one["writes"]][1].requires_grad and one["writes"] == "x":
                raise RuntimeError("a leaf Variable that requires grad is being used in an in-place operation.")
            values[one["writes"]] = values[one.name]
        for ending, value in step.updates.items():
            state[f"{owner.name}.{ending}"] = (step.number, value)
        form = one["how"] if one.kind == "form" else form
    if error is not None and not until_error:
        raise copy.copy(error)  # `memory` keeps the other one, without frames
    output = None if error is not None else values[program.output][1]
    statistics = {
        role.name: state[role.name][1] if role.name in state else weights[role.name]
        for role in program.roles
        if role.kind in ("mean", "var")
    }
    random = any(one.kind == "random" for one, *_ in program.plan)
    known = lambda value: value is not None and not (random and value.isnan().any())  # noqa: E731
    output, x = (value if known(value) else None for value in (output, values["x"][1]))
    return Result(output, {role: value for role, value in statistics.items() if known(value)}, x, form, error)


def _conv(s: Step) -> Tensor:
    x, weight, padding = s.inputs[0], s.tensors["weight"], s.op["padding"]
    if s.op["padding_mode"] != "constant" and padding:
        x, padding = F.pad(x, [padding] * 4, s.op["padding_mode"]), 0
    weight = weight if s.op["learns"] else weight.detach()
    return F.conv2d(x, weight, s.tensors.get("bias"), s.op["stride"], padding, s.op["dilation"], s.op["groups"])


def _norm(s: Step) -> Tensor:
    return _normalize(s, s.inputs[0])


def _normalize(s: Step, x: Tensor) -> Tensor:
    """A normalization; the running variance is unbiased, as PyTorch has it (Ioffe and Szegedy 2015)."""
    how, eps = s.op["norm"], s.op["eps"]
    gamma, beta, mean, var = (s.tensors.get(kind) for kind in ("gamma", "beta", "mean", "var"))
    if gamma is not None and not s.op["learns"]:
        gamma, beta = gamma.detach(), beta.detach()
    if how == "group":
        return F.group_norm(x, s.op["groups"], gamma, beta, eps)
    if how == "layer":  # over the channels of each position
        return F.layer_norm(x.movedim(1, -1), (s.op["planes"],), gamma, beta, eps).movedim(-1, 1)
    if how == "response":
        return F.local_response_norm(x, s.op["groups"])
    use_batch = {"": s.training, "running": False, "batch": True, "inverted": not s.training}[s.op["statistics"]]
    use_batch = use_batch or mean is None
    if use_batch and mean is not None:
        mean, var = mean.detach().clone(), var.detach().clone()
        s.updates = {"mean": mean, "var": var}
    function = F.batch_norm if how == "batch" else F.instance_norm
    momentum = 1.0 if s.op["momentum"] is None else s.op["momentum"]  # None: the mean of all batches, here of one
    return function(x, mean, var, gamma, beta, use_batch, momentum, eps)


def _act(s: Step) -> Tensor:
    if s.op["eval_only" if s.training else "train_only"]:
        return s.inputs[0]
    if s.op["how"] == "prelu":
        return F.prelu(s.inputs[0], s.tensors["scale"])
    return ACTIVATIONS[s.op["how"]](s.inputs[0])


def _window(s: Step) -> Tensor:
    """Pooling over a window that moves."""
    if s.op["how"] == "nearest":
        return F.interpolate(s.inputs[0], size=[-(-side // s.op["stride"]) for side in s.inputs[0].shape[2:]])
    function = F.avg_pool2d if s.op["how"] == "avg" else F.max_pool2d
    return function(s.inputs[0], s.op["kernel"], s.op["stride"], s.op["padding"])


def _option_a(s: Step) -> Tensor:
    """Skip pixels, fill new channels with zeros (He et al. 2015, section 3.3, option A)."""
    x, step = s.inputs[0], s.op["stride"]
    x = F.avg_pool2d(x, step) if s.op["how"] == "avg" else x[:, :, ::step, ::step]
    return F.pad(x, (0, 0, 0, 0, *s.op["channels"]))


def _block(s: Step) -> Tensor:
    """A probe block, see `autograder.student.probe`."""
    x = s.inputs[0]
    if x.dim() != 4 or x.shape[1] != s.op["in_planes"]:
        raise WrongWiring(wiring_message(s.block, s.op["in_planes"], x))
    out = F.conv2d(x, s.tensors["weight"], stride=s.op["stride"])
    return (_normalize(s, out) if s.op["normalizes"] else out).relu()


def _gate(s: Step) -> Tensor:
    """Squeeze and excitation: a weight between 0 and 1 for each channel."""
    t, x = s.tensors, s.inputs[0]
    hidden = F.linear(x.mean(dim=(2, 3)), t["down"], t.get("down.bias")).relu()
    return x * F.linear(hidden, t["up"], t.get("up.bias")).sigmoid()[:, :, None, None]


def _random(s: Step) -> Tensor:
    """Dropout, noise and the like: known only where they do nothing."""
    return s.inputs[0] * torch.nan if s.training or s.op["in_eval"] else s.inputs[0]


def _combine(s: Step) -> Tensor:
    if s.op["how"] not in ("weighted", "blend"):
        return COMBINE[s.op["how"]](*s.inputs)
    share = s.op["share"] if s.op["how"] == "weighted" else s.tensors["scale"]
    return share * s.inputs[0] + (1 - share) * s.inputs[1]


def _scale(s: Step) -> Tensor:
    if s.op["learned"]:
        return s.inputs[0] * s.tensors["scale"].reshape(-1, 1, 1)
    if isinstance(s.op["factor"], tuple):  # one for each channel
        factor, shift = (s.inputs[0].new_tensor(s.op[name])[:, None, None] for name in ("factor", "shift"))
        return s.inputs[0] * factor + shift
    return s.inputs[0] * s.op["factor"] + s.op["shift"]


KINDS: dict[str, Callable[[Step], Tensor | None]] = {
    "conv": _conv,
    "norm": _norm,
    "act": _act,
    "combine": _combine,
    "window": _window,
    "option_a": _option_a,
    "block": _block,
    "gate": _gate,
    "random": _random,
    "scale": _scale,
    "pool": lambda s: POOLS[s.op["how"]](s.inputs[0]),
    "flatten": lambda s: s.inputs[0].flatten(1),
    "reshape": lambda s: s.inputs[0].reshape(s.op["shape"]),
    "linear": lambda s: F.linear(s.inputs[0], s.tensors["weight"], s.tensors.get("bias")),
    "detach": lambda s: s.inputs[0].detach(),
    "identity": lambda s: s.inputs[0],
    "form": lambda s: s.inputs[0] if s.op["how"].startswith(("float", "bfloat")) else None,
}
ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {
    "relu": torch.relu,
    "leaky_relu": F.leaky_relu,
    **{
        f"leaky_relu_{slope}": partial(F.leaky_relu, negative_slope=slope) for slope in (0.1, 0.2, 0.3, 0.05, 0.25, 0.5)
    },
    "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "silu": F.silu,
    "elu": F.elu,
    "elu_0.5": partial(F.elu, alpha=0.5),
    "celu_0.5": partial(F.celu, alpha=0.5),
    "selu": F.selu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu6": F.relu6,
    "hardswish": F.hardswish,
    "hardtanh": F.hardtanh,
    "hardsigmoid": F.hardsigmoid,
    "mish": F.mish,
    "softplus": F.softplus,
    "softsign": F.softsign,
    "abs": torch.abs,
    "squared_relu": lambda x: x.relu() ** 2,
    "quick_gelu": lambda x: x * (1.702 * x).sigmoid(),
    "softshrink": F.softshrink,
    "hardshrink": F.hardshrink,
    "tanhshrink": F.tanhshrink,
    "softmax": lambda x: x.softmax(dim=1),
    "softmax_batch": lambda x: x.softmax(dim=0),
    "log_softmax": lambda x: x.log_softmax(dim=1),
    "log_softmax_batch": lambda x: x.log_softmax(dim=0),
    "log_sigmoid": F.logsigmoid,
    "normalize": F.normalize,
    "clamp": lambda x: x.clamp(0, 1),
    "squeeze": torch.squeeze,
}
COMBINE: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "add": lambda out, shortcut: out + shortcut,
    "none": lambda out, shortcut: out,
    "only": lambda out, shortcut: shortcut,
    "subtract": lambda out, shortcut: out - shortcut,
    "reverse": lambda out, shortcut: shortcut - out,
    "average": lambda out, shortcut: (out + shortcut) / 2,
    "twice": lambda out, shortcut: out + 2 * shortcut,
    "residual_twice": lambda out, shortcut: 2 * out + shortcut,
    "multiply": lambda out, shortcut: out * shortcut,
    "multiply_and_add": lambda out, shortcut: out * shortcut + shortcut,
    "maximum": torch.maximum,
    "minimum": torch.minimum,
    "concatenate": lambda out, shortcut: torch.cat([out, shortcut], dim=1),
    "concatenate_reverse": lambda out, shortcut: torch.cat([shortcut, out], dim=1),
    "stack": lambda out, shortcut: torch.cat([out, shortcut], dim=0),
    "stack_reverse": lambda out, shortcut: torch.cat([shortcut, out], dim=0),
    "double": lambda out, shortcut: 2 * (out + shortcut),
}
POOLS: dict[str, Callable[[Tensor], Tensor]] = {
    "avg": lambda x: x.mean(dim=(2, 3), keepdim=True),
    "max": lambda x: x.amax(dim=(2, 3), keepdim=True),
    "sum": lambda x: x.sum(dim=(2, 3), keepdim=True),
    "first": lambda x: x[:, :, :1, :1],
    "last": lambda x: x[:, :, -1:, -1:],
    "avg_2": lambda x: F.avg_pool2d(x, 2),
    "max_2": lambda x: F.max_pool2d(x, 2),
    "channels": lambda x: x.mean(dim=1),
    "channels_height": lambda x: x.mean(dim=(1, 2)),
    "all": lambda x: x.mean(dim=(1, 2, 3)),
    "avg_max": lambda x: x.mean(dim=(2, 3), keepdim=True) + x.amax(dim=(2, 3), keepdim=True),
}
