"""Assertions for the tests: each fails with what was expected, what the code did instead, and a hint.

They use only what a block offers on both sides of the sandbox (see `autograder.student`), so the same test runs on a
laptop and in the grader.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from autograder.student.draw import normal
from autograder.student.message import CheckFailure, Message
from autograder.student.passes import gradient_norms, modes_return_module, shared_tensors, step_along_gradients
from autograder.student.signature import expansion_of
from autograder.student.state import is_kernel, load_state, outline_of, parameters_of, state_of, update_state

RELATIVE = 1e-3
"""How far two tensors may differ, relative to the largest expected value. float32 arithmetic of a block stays
below 1e-5 whatever the order of summation; BatchNorm's eps of 1e-5, which formulas in messages leave out, adds
at most 2e-5 after four layers. A misplaced ReLU moves outputs by 0.1 and more."""


def fail(expected: str, got: str, hint: str = "", name: str = "", mistake: str = "") -> None:
    """Fail with a message for the student.

    Args:
        expected, got, hint: what is expected, what the code does, where to look.
        name, mistake: name of the mistake, and the sentence for it, where it is known.

    Raises:
        CheckFailure: always.
    """
    raise CheckFailure(Message(expected, got, hint, mistake), (name,) if name else ())


def assert_tensor(value: Any, statement: str, hint: str = "") -> None:
    """`value` must be a finite floating-point tensor; here and below, `statement` says in words what is expected."""
    if not isinstance(value, Tensor):
        kind = getattr(value, "type_name", type(value).__name__)
        hint = "does every path of forward end in `return`?" if kind == "NoneType" else hint
        fail(statement, f"{'nothing (None)' if kind == 'NoneType' else f'a {kind}'}, not a tensor", hint)
    if not value.is_floating_point():
        fail(statement, f"numbers of type {value.dtype}, not floating point", hint)
    if not torch.isfinite(value).all():
        fail(statement, "values that are infinite or not a number", hint)


def assert_shape(value: Any, shape: Sequence[int], statement: str, hint: str = "") -> None:
    """`value` must be a finite floating-point tensor of `shape`."""
    assert_tensor(value, statement, hint)
    if tuple(value.shape) != tuple(shape):
        fail(statement, f"a tensor of shape {tuple(value.shape)}, not {tuple(shape)}", hint)


def assert_same(value: Any, expected: Tensor, statement: str, hint: str = "") -> None:
    """`value` must equal `expected` up to float32 rounding."""
    assert_shape(value, expected.shape, statement, hint)
    value = value.detach()
    difference = (value - expected).abs()
    scale = max(float(expected.abs().max()), 1e-3)
    if float(difference.max()) > RELATIVE * scale:
        place = tuple(int(i) for i in torch.unravel_index(difference.argmax(), difference.shape))
        got = (
            f"at position {place} the value {float(value[place]):.4f} instead of {float(expected[place]):.4f}; "
            f"{int((difference > RELATIVE * scale).sum())} of {difference.numel()} values differ"
        )
        fail(statement, got, hint)


def assert_differ(value: Tensor, other: Tensor, statement: str, got: str, hint: str = "") -> None:
    """`value` must differ from `other` by more than rounding; `got` says in words that it does not."""
    assert_tensor(value, statement, hint)
    scale = max(float(other.detach().abs().max()), 1e-6)
    if float((value.detach() - other.detach()).abs().max()) <= 1e-5 * scale:
        fail(statement, got, hint)


def set_weights(module: Any, weights: Sequence[Tensor]) -> Any:
    """Set the weight of each convolution to the one of `weights` that has its shape, (out, in, k, k).

    So for linear layers, also where the weight is stored as (in, out), for `x @ W` or `nn.ConvTranspose2d`.
    """
    return set_state(module, _rule_for(weights))


def with_weights(state: Mapping[str, Tensor], weights: Sequence[Tensor]) -> dict[str, Tensor]:
    """A state with the weights that `set_weights` would set."""
    rule = _rule_for(weights)
    return {name: rule(name, value) for name, value in state.items()}


def _rule_for(weights: Sequence[Tensor]) -> Callable[[str, Tensor], Tensor]:
    by_size = {(*weight.shape[:2], weight.numel()): weight for weight in weights}

    def rule(_: str, value: Tensor) -> Tensor:
        size = (*value.shape[:2], value.numel())
        if size in by_size:
            return by_size[size].reshape(value.shape)
        transposed = by_size.get((*size[1::-1], size[-1])) if math.prod(size[:2]) == size[-1] else None
        return value if transposed is None else transposed.reshape(size[1::-1]).T.reshape(value.shape)

    return rule


def set_state(module: Any, rule: Callable[[str, Tensor], Tensor]) -> Any:
    """Replace each tensor of the module's state by `rule(name, tensor)`, a new one or the same; returns the module.

    The rule gets weights of layers without their values, see `outline_of`.
    """
    new = {name: (rule(name, value), value) for name, value in outline_of(module).items()}
    update_state(module, {name: value for name, (value, before) in new.items() if value is not before})
    return module


def silence_convolutions(module: Any, kernel: int | None = None) -> Any:
    """Set every convolution (of that kernel size, if given) to zero, and BatchNorms as `neutral_batchnorms` does."""
    vectors = _vectors(module)

    def rule(name: str, value: Tensor) -> Tensor:
        silent = is_kernel(value) and kernel in (None, value.shape[-1])
        return _filled(value, 0.0) if silent or name in vectors.convolution else vectors.set(name, value, 0.0)

    return set_state(module, rule)


def neutral_batchnorms(module: Any) -> Any:
    """Set BatchNorm weights to one and biases to zero: students may initialise them otherwise."""
    return shift_batchnorms(module, 0.0)


def shift_batchnorms(module: Any, shift: float) -> Any:
    """Set every BatchNorm weight to one and every bias to `shift`; running statistics are as before the first batch."""
    vectors = _vectors(module)
    return set_state(module, lambda name, value: vectors.set(name, value, shift))


def set_vectors(module: Any, scales: Mapping[int, Tensor], shifts: Mapping[int, Tensor]) -> Any:
    """Set every BatchNorm weight to the one of `scales` that has its length, and every bias to the one of `shifts`.

    Running statistics are as before the first batch.
    """
    vectors = _vectors(module)

    def rule(name: str, value: Tensor) -> Tensor:
        given = scales if name in vectors.scales else shifts if name in vectors.shifts | vectors.convolution else {}
        return given[value.numel()].reshape(value.shape) if value.numel() in given else _fresh(name, value)

    return set_state(module, rule)


WORDS = {"scale": ("weight", "gamma", "gain", "scale"), "shift": ("bias", "beta", "shift", "offset")}
"""What the name of a vector says about its purpose."""


@dataclass(frozen=True)
class _Vectors:
    """Names of the parameters with one value per channel, by their purpose."""

    scales: frozenset[str]
    shifts: frozenset[str]
    convolution: frozenset[str]
    """Biases of convolutions, which should have none, and of linear layers."""

    def set(self, name: str, value: Tensor, shift: float) -> Tensor:
        """The new value of a tensor when every BatchNorm is fresh, scales by one and adds `shift`; others stay."""
        if name in self.scales:
            return _filled(value, 1.0)
        return _filled(value, shift) if name in self.shifts else _fresh(name, value)


def names_of_scales(module: Any) -> frozenset[str]:
    """Names of the weights of a module's BatchNorms."""
    return _vectors(module).scales


def _fresh(name: str, value: Tensor) -> Tensor:
    """Running statistics as they are before the first batch: a constructor may have had one already."""
    number = {"running_mean": 0.0, "running_var": 1.0}.get(name.rpartition(".")[2])
    return value if number is None else _filled(value, number)


def _filled(value: Tensor, number: float) -> Tensor:
    return torch.full(value.shape, number, dtype=value.dtype)


def _vectors(module: Any) -> _Vectors:
    """Tell BatchNorm weights from BatchNorm biases, whatever their names and initial values are.

    The name shows it, or initial values that are well above zero; the rest is counted, see `_paired`.
    """
    places: dict[str, list[tuple[str, Tensor]]] = defaultdict(list)
    for name, value in parameters_of(module).items():
        places[name.rpartition(".")[0]].append((name, value.detach()))
    told: dict[int, dict[str, str]] = defaultdict(dict)
    beside: dict[int, dict[str, str]] = defaultdict(dict)
    for parameters in places.values():
        mine = [(name, value) for name, value in parameters if not is_kernel(value)]
        which = beside if len(mine) == 1 and len(parameters) == 2 else told
        for name, value in mine:
            which[value.numel()][name] = _purpose(name, value)
    names = defaultdict(set)
    for length in told.keys() | beside.keys():
        for name, purpose in _paired(told[length], beside[length]).items():
            names[purpose].add(name)
    return _Vectors(frozenset(names["scale"]), frozenset(names["shift"]), frozenset(names[""]))


def _purpose(name: str, value: Tensor) -> str:
    """What the name or the initial value of a vector tells about it: "scale", "shift", or nothing."""
    own = next((part for part in reversed(name.split(".")) if not part.isdigit()), "")  # lists number their tensors
    hints = {purpose for purpose, words in WORDS.items() if any(word in own.lower() for word in words)}
    if len(hints) == 1:
        return hints.pop()
    return "scale" if value.numel() and bool((value > 0.25).all()) else ""


def _paired(told: Mapping[str, str], beside: Mapping[str, str]) -> dict[str, str]:
    """The purpose of each vector of one length: "scale", "shift", or "" for the bias of a convolution.

    There is a scale for every shift, and of two vectors that tell nothing the first is the scale. A vector beside a
    kernel is the bias of a convolution, unless another vector lacks its partner.

    Args:
        told: what is known of each vector, in the order of definition.
        beside: the same for those that are alone with a kernel.
    """
    found, balance = {}, 0
    known = Counter([*told.values(), *(purpose for purpose in beside.values() if purpose == "scale")])
    lacking = (known["shift"] + known[""] - known["scale"]) // 2
    for name, purpose in told.items():
        if not purpose:
            purpose = "scale" if lacking > 0 and balance <= 0 else "shift"
            lacking -= purpose == "scale"
        found[name] = purpose
        balance += 1 if purpose == "scale" else -1
    for name, purpose in beside.items():
        wanted = "shift" if balance > 0 else "scale" if balance < 0 else ""
        found[name] = wanted if purpose in ("", wanted) else ""
        balance += {"scale": 1, "shift": -1, "": 0}[found[name]]
    return found


def scramble(module: Any) -> dict[str, Tensor]:
    """Give a module random weights with which every parameter affects the output; returns its new state."""
    state = scrambled(outline_of(module))
    load_state(module, state)
    return state


def scrambled(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The state that `scramble` gives a module."""

    def rule(value: Tensor) -> Tensor:
        if not value.is_floating_point():
            return value
        if is_kernel(value):
            return normal(value.shape).to(value.dtype) * (2.0 / math.prod(value.shape[1:])) ** 0.5
        return torch.rand_like(value) + 0.5  # also a valid running variance

    return {name: rule(value) for name, value in state.items()}


def count_parameters(module: Any) -> int:
    """Number of values among the parameters; one that is shared counts once."""
    return sum(parameter.numel() for parameter in parameters_of(module).values())


def assert_parameter_count(module: Any, expected: int, what: str, hint: str) -> None:
    """`module` must have `expected` values among its parameters."""
    got = count_parameters(module)
    if got != expected:
        shapes = ", ".join(f"{name} {tuple(p.shape)}" for name, p in list(parameters_of(module).items())[:12])
        fail(
            f"{what} has {expected:,} parameters",
            f"{got:,} ({got - expected:+,}): {shapes or 'none at all'}",
            hint,
        )


def assert_shares_nothing(module: Any, another: Any, statement: str, hint: str) -> None:
    """No tensor of `module` may be one of `another`, so that other weights leave those of `another` as they are."""
    if shared := ", ".join(shared_tensors(module, another)):
        fail(statement, f"two of them share {shared[:200]}", hint)


def assert_expansion(block: Any, expected: int, what: str) -> None:
    """The class attribute that `ResNet` reads must be the ratio of output channels to `planes`."""
    got = expansion_of(block)
    if got != expected:
        fail(
            f"{what}.expansion is {expected}: {what}(in_planes, planes) returns {expected} * planes channels",
            "no such attribute of the class" if got is None else f"{got}",
            "`expansion` belongs to the class, above __init__, not to self: ResNet reads block.expansion",
        )


def assert_every_parameter_learns(module: Any, x: Tensor, what: str, state: dict[str, Tensor] | None = None) -> None:
    """After a backward pass in train mode each parameter must have a gradient that is not zero, and that is correct.

    The gradients are correct when a small step along all of them raises <upstream, output> as much as they predict.

    Args:
        module: its gradients are lost.
        x: the input.
        what: the module in words.
        state: random weights, see `scrambled`, where the module's state is known.
    """
    if state is None:
        state = scramble(module)
    else:
        load_state(module, state)
        module.zero_grad()
    module.train()
    y = module(x)
    assert_tensor(y, f"{what} returns a tensor")
    upstream = torch.randn_like(y)
    y.backward(upstream)
    norms = gradient_norms(module)
    statement = f"every parameter of {what} takes part in the output, so that it can learn"
    hint = "is a layer built in __init__ but not called in forward, or called under no_grad or detach?"
    if idle := [name for name, norm in norms.items() if not norm]:
        fail(statement, f"no gradient reaches {', '.join(idle[:6])}", hint)
    length = math.hypot(*norms.values())
    if not 0 < length < math.inf:
        fail(statement, "gradients that are zero or infinite but for rounding", hint)
    if unknown := norms.keys() - state.keys():
        fail(f"the parameters of {what} are in its state_dict()", f"{', '.join(sorted(unknown)[:6])} is not")
    step_along_gradients(module, state, STEP / length)
    with torch.no_grad():
        after = module(x)
    assert_shape(after, y.shape, f"{what} returns the same shape again")
    rise = float(((after - y.detach()) * upstream).sum())
    if not STEP * length / 4 < rise < STEP * length * 4:
        got = f"a step along the gradients changes the output by {rise:.3g} instead of about {STEP * length:.3g}"
        fail(statement, got, hint)


STEP = 1e-2
"""Length of a step in parameter space, where parameters are of order one: rounding, and the few ReLUs that switch
during the step, change the expected rise by a few percent."""


def assert_batchnorm_modes(module: Any, x: Tensor, what: str) -> None:
    """In train mode BatchNorm uses the statistics of the batch and updates the running ones; in eval mode neither.

    One that updates them in eval mode gives another output at the second pass. Other buffers may hold what they like.
    """
    hint = "use nn.BatchNorm2d layers and let train() and eval() reach them: they must be attributes of the module"
    module.eval()
    before = {name: value.clone() for name, value in state_of(module).items()}
    evaluated = module(x)
    assert_tensor(evaluated, f"{what} returns a tensor")
    statement = f"in eval mode, the output of {what} for one image does not depend on the rest of the batch"
    assert_same(module(x[:1]), evaluated[:1].detach(), statement, hint)
    module.train()
    trained = module(x)
    statement = f"in train mode {what} normalises with the statistics of the batch"
    assert_differ(trained, evaluated, statement, "the same output as in eval mode", hint)
    if not changed_tensors(before, state_of(module)):
        fail(f"in train mode {what} updates its running statistics", "no running mean or variance changed", hint)


def in_eval_mode(module: Any) -> Any:
    """The module, in eval mode: one whose eval() returns something else is charged in one check."""
    module.eval()
    return module


def assert_modes_return_module(module: Any, what: str) -> None:
    """`train()` and `eval()` must return the module, as in `net = make().eval()`; it is left in eval mode."""
    if not modes_return_module(module):
        fail(
            f"train() and eval() of {what} return the module itself, as those of nn.Module do: net = net.eval()",
            "they return something else, such as None",
            "does your own train() or eval() end in `return self`? Those of nn.Module reach all layers without it",
            "modes_return_nothing",
            "Your train() or eval() does not return the module.",
        )


def changed_tensors(before: dict[str, Tensor], after: dict[str, Tensor]) -> str:
    """Names of the floating-point tensors that differ between two states, separated by commas."""
    return ", ".join(
        n for n, v in before.items() if v.is_floating_point() and not (n in after and torch.equal(v, after[n]))
    )


def assert_gradient(module: Any, x: Tensor, expected: Tensor, what: str) -> None:
    """With every convolution set to zero, d(sum of output)/dx must be `expected`."""
    statement = f"with every convolution of {what} set to zero, the gradient flows through the shortcut alone"
    hint = "is the shortcut detached, computed under no_grad, or missing?"
    y = module(x)
    assert_shape(y, x.shape, statement, hint)
    if not y.requires_grad:
        fail(statement, "an output without a gradient (requires_grad is False)", hint)
    y.sum().backward()
    if x.grad is None:
        fail(statement, "no gradient at the input", hint)
    assert_same(x.grad, expected, statement, hint)


def assert_input_unchanged(module: Any, x: Tensor, what: str) -> None:
    """A forward pass must not write into the tensor it was given."""
    before = x.clone()
    module(x)
    if not torch.equal(x, before):
        fail(
            f"{what} leaves its input as it was: the caller may still need it",
            f"{int((x != before).sum())} of {x.numel()} values of the input changed during forward",
            "an in-place operation (`+=`, `relu_`, `inplace=True`) on x itself, or on a shortcut that is x",
        )
