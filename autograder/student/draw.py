"""Random weights, drawn quickly: a network has millions, and is given new ones for each check.

No more than `DRAWN` numbers are drawn for a tensor; a larger one repeats them. Their number is a prime, so that no two
rows of a weight, and no two of its columns, repeat them from the same place.
"""

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

DRAWN = 4099


def normal(shape: Sequence[int], generator: torch.Generator | None = None) -> Tensor:
    """Numbers with mean 0 and variance 1, of this shape."""
    return _draw(torch.randn, shape, generator)


def uniform(shape: Sequence[int], generator: torch.Generator | None = None) -> Tensor:
    """Numbers from 0 to 1, of this shape."""
    return _draw(torch.rand, shape, generator)


def repeated(drawn: Tensor, shape: Sequence[int]) -> Tensor:
    """A tensor of this shape that repeats these numbers, as far as they do not suffice."""
    size = math.prod(shape)
    if size > len(drawn):
        drawn = drawn.repeat(-(-size // len(drawn)))[:size]
    return drawn.view(tuple(shape))


def _draw(draw: Callable[..., Tensor], shape: Sequence[int], generator: torch.Generator | None) -> Tensor:
    return repeated(draw(min(math.prod(shape), DRAWN), generator=generator), shape)
