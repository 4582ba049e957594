"""A probe block: what `ResNet` is judged with, so that a broken `BasicBlock` costs nothing in q3.

A probe has the constructor of a residual block, `(in_planes, planes, stride=1)`, and the simplest arithmetic
that still depends on all three: `relu(conv1x1(x))` with a stride, no bias, no shortcut. Its only parameter,
of shape `(expansion * planes, in_planes, 1, 1)`, shows where `ResNet` put it.
"""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class WrongWiring(RuntimeError):
    """A probe received an input that does not have the channels it was built for."""


class WrongCall(TypeError):
    """A probe was built with more arguments than a block has."""


def wiring_message(number: int, in_planes: int, x: Tensor) -> str:
    """What a probe says, the one with that number, about an input that it was not built for."""
    return (
        f"block {number} was built with in_planes={in_planes}, but it receives an input of shape {tuple(x.shape)}: "
        "in_planes must be the number of channels that come out of the layer before it (expansion * planes of the "
        "previous block)"
    )


DRAWN = 4099
"""Random numbers drawn for a weight; a prime, so that rows that repeat them do so at different places."""


def _random(width: int, in_planes: int) -> Tensor:
    """A weight of shape (width, in_planes, 1, 1) for a ReLU network; quickly: wide networks are built often."""
    drawn = torch.randn(DRAWN) * (2.0 / in_planes) ** 0.5
    return drawn.repeat(-(-width * in_planes // DRAWN))[: width * in_planes].view(width, in_planes, 1, 1).clone()


def make_probe(expansion: int = 1, tolerant: bool = False) -> type[nn.Module]:
    """Return a fresh probe class; `probe.calls` lists `(in_planes, planes, stride)` of every probe built.

    The class is new at each call, so that one test's record never holds another's.

    Args:
        tolerant: take further arguments, and ignore them; `probe.extra` says whether one was a "Module" or "other".
    """

    class Probe(nn.Module):
        calls: list[tuple[int, int, int]] = []  # noqa: RUF012 - a record of the class is what is wanted
        extra = ""

        def __init__(self, in_planes: int, planes: int, stride: int = 1, *others: Any, **named: Any):
            super().__init__()
            if others or named:
                if not tolerant:
                    words = ", ".join([*(type(other).__name__ for other in others), *named])
                    raise WrongCall(f"a block is built as block(in_planes, planes, stride), without more: {words}")
                modules = any(isinstance(other, nn.Module) for other in (*others, *named.values()))
                type(self).extra = "Module" if modules or type(self).extra == "Module" else "other"
            type(self).calls.append((in_planes, planes, stride))
            self.number = len(type(self).calls)
            self.in_planes, self.stride = in_planes, stride
            width = type(self).expansion * planes
            self.weight = nn.Parameter(_random(width, in_planes))

        def forward(self, x: Tensor) -> Tensor:
            """(N, in_planes, H, W) -> (N, expansion * planes, H / stride, W / stride)."""
            if x.dim() != 4 or x.shape[1] != self.in_planes:
                raise WrongWiring(wiring_message(self.number, self.in_planes, x))
            return F.relu(F.conv2d(x, self.weight, stride=self.stride))

    Probe.expansion = expansion
    Probe.__qualname__ = Probe.__name__ = f"Probe{expansion}"
    return Probe
