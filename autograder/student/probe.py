"""A probe block: what `ResNet` is judged with, so that a broken `BasicBlock` costs nothing in q3.

A probe has the constructor of a residual block, `(in_planes, planes, stride=1)`, and the simplest arithmetic
that still depends on all three: `relu(conv1x1(x))` with a stride, no bias, no shortcut. Its only parameter,
of shape `(expansion * planes, in_planes, 1, 1)`, shows where `ResNet` put it.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class WrongWiring(RuntimeError):
    """A probe received an input that does not have the channels it was built for."""


DRAWN = 4099
"""Random numbers drawn for a weight; a prime, so that rows that repeat them do so at different places."""


def _random(width: int, in_planes: int) -> Tensor:
    """A weight of shape (width, in_planes, 1, 1) for a ReLU network; quickly: wide networks are built often."""
    drawn = torch.randn(DRAWN) * (2.0 / in_planes) ** 0.5
    return drawn.repeat(-(-width * in_planes // DRAWN))[: width * in_planes].view(width, in_planes, 1, 1).clone()


def make_probe(expansion: int = 1) -> type[nn.Module]:
    """Return a fresh probe class; `probe.calls` lists `(in_planes, planes, stride)` of every probe built.

    The class is new at each call, so that one test's record never holds another's.
    """

    class Probe(nn.Module):
        calls: list[tuple[int, int, int]] = []  # noqa: RUF012 - a record of the class is what is wanted

        def __init__(self, in_planes: int, planes: int, stride: int = 1):
            super().__init__()
            type(self).calls.append((in_planes, planes, stride))
            self.number = len(type(self).calls)
            self.in_planes, self.stride = in_planes, stride
            width = type(self).expansion * planes
            self.weight = nn.Parameter(_random(width, in_planes))

        def forward(self, x: Tensor) -> Tensor:
            """(N, in_planes, H, W) -> (N, expansion * planes, H / stride, W / stride)."""
            if x.dim() != 4 or x.shape[1] != self.in_planes:
                raise WrongWiring(
                    f"block {self.number} was built with in_planes={self.in_planes}, but it receives an input "
                    f"of shape {tuple(x.shape)}: in_planes must be the number of channels that come out of "
                    "the layer before it (expansion * planes of the previous block)"
                )
            return F.relu(F.conv2d(x, self.weight, stride=self.stride))

    Probe.expansion = expansion
    Probe.__qualname__ = Probe.__name__ = f"Probe{expansion}"
    return Probe
