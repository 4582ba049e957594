"""Whether a module can learn from the values that it starts with; all other checks give it values of their own."""

from typing import Any

import torch
from torch import Tensor

from autograder.suite import expect

STEPS = 3
"""Of Adam. A layer that starts at zero moves at the first step, and those before it at the next."""
LEARNING_RATE = 1e-2
ALIKE = 1e-5
"""Largest difference between filters that are the same. Others are moved apart by about the learning rate."""


def assert_learns_from_start(student: Any, module: Any, x: Tensor, what: str) -> None:
    """A few steps from its initial values must change every parameter, and leave no two filters of a layer the same.

    Args:
        student: has the optimizer.
        module: with its initial values, which are lost.
        x: the input.
        what: the module in words.
    """
    before = {name: value.detach().clone() for name, value in module.named_parameters()}
    optimizer, upstream = student.Adam(module, LEARNING_RATE), None
    module.train()
    for _ in range(STEPS):
        module.zero_grad()
        y = module(x)
        expect.assert_tensor(y, f"{what} returns a tensor")
        if not y.requires_grad:
            return  # another check charges it
        upstream = torch.randn_like(y) if upstream is None else upstream
        y.backward(upstream)
        optimizer.step()
    after = {name: value.detach() for name, value in module.named_parameters()}
    idle = [name for name, value in before.items() if torch.equal(after.get(name, value), value)]
    same = [name for name, value in after.items() if value.dim() > 1 and len(value) > 1 and _are_alike(value)]
    if idle or same:
        names = ", ".join((idle or same)[:6])
        expect.fail(
            f"{STEPS} steps of Adam from the values that {what} starts with change every parameter, each filter of a "
            "layer in its own way",
            f"{'they do not change' if idle else 'all filters stay the same in'} {names}",
            "look at what sets the initial values, such as nn.init.constant_ or nn.init.zeros_: those of PyTorch are "
            "fine, and only the BatchNorm that ends F may start at zero",
            "start_without_learning",
            "Your layers start with values from which they cannot learn: zeros, or the same number everywhere.",
        )


def starts_as_usual(module: Any) -> bool:
    """Whether a module begins with values like those of PyTorch, from which it learns. Others may do as well."""
    scales = expect.names_of_scales(module)
    for name, parameter in module.named_parameters():
        value = parameter.detach()
        if value.dim() > 1:
            usual = len(value) < 2 or not _are_alike(value[:2])
        else:
            usual = bool((value > 0.25).all()) if name in scales else bool((value.abs() <= 1).all())
        if not usual:
            return False
    return True


def _are_alike(value: Tensor) -> bool:
    """Whether all filters of a kernel have the same values."""
    return float((value - value[:1]).abs().max()) <= ALIKE
