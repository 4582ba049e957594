"""Whether a network is made of blocks of the student's own `BasicBlock`: whether it holds their convolutions."""

from collections import Counter
from collections.abc import Sequence
from typing import Any

from autograder.student.errors import NOT_ABOUT_THE_CODE
from autograder.student.probe import Call
from autograder.student.state import parameters_of


def held_blocks(student: Any, net: Any, calls: Sequence[Call]) -> tuple[set[tuple[int, ...]], Call | None]:
    """Look for blocks among the parameters of `net`.

    Args:
        calls: with which `BasicBlock` makes the blocks.

    Returns:
        the shapes of their weights, and the first block that `net` does not have: None where it has all.
    """
    left = Counter(tuple(parameter.shape) for parameter in parameters_of(net).values())
    shapes = set()
    for call in calls:
        try:
            mine = [tuple(p.shape) for _, p in student.skeleton("BasicBlock", *call).named_parameters() if p.dim() > 1]
        except NOT_ABOUT_THE_CODE:
            raise
        except Exception:
            mine = []
        left.subtract(mine)
        shapes |= set(mine)
        if not mine or min(left.values()) < 0:
            return shapes, call
    return shapes, None
