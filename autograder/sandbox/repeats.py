"""Drawn weights on their way to a worker: of a tensor that repeats its first numbers, only these are sent.

Large weights are drawn as `student.draw` says, so most of what a grader sends is such a tensor. What a worker sends is
never made longer, because it may declare any shape.
"""

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from autograder.student.draw import DRAWN, repeated

Shapes = dict[str, list[int]]


def shorten(tensors: Mapping[str, Tensor]) -> tuple[dict[str, Tensor], Shapes]:
    """Replace each tensor that repeats its first `DRAWN` numbers, bit by bit, by these; returns their shapes too."""
    shapes = {name: list(value.shape) for name, value in tensors.items() if _is_repeated(value)}
    return {n: v.detach().view(-1)[:DRAWN] if n in shapes else v for n, v in tensors.items()}, shapes


def lengthen(tensors: Mapping[str, Tensor], shapes: Shapes) -> dict[str, Tensor]:
    """Undo `shorten`."""
    return {name: repeated(value, shapes[name]) if name in shapes else value for name, value in tensors.items()}


def _is_repeated(value: Tensor) -> bool:
    if value.numel() <= 2 * DRAWN or value.dtype != torch.float32 or not value.is_contiguous() or value.is_neg():
        return False
    bits = value.detach().numpy().reshape(-1).view(np.uint32)
    return bits[0] == bits[DRAWN] and np.array_equal(bits[DRAWN:], bits[:-DRAWN])
