"""One name for all checks that fail because a block gets its shortcut from outside, in a parameter `downsample`."""

from collections.abc import Collection, Mapping
from typing import Any

import torch

from autograder.contract import QUESTION_NAMES
from autograder.student.errors import NOT_ABOUT_THE_CODE
from autograder.student.message import CheckFailure, Message
from autograder.student.signature import shortcut_parameters

EXPANSION = {"BasicBlock": 1, "Bottleneck": 4}
CONVOLUTIONS = {"BasicBlock": 2, "Bottleneck": 3}
"""How many F(x) has."""
NAME = "shortcut_from_outside"
NO_PROJECTION = "projection_never"
"""What a diagnosis calls it where it does not know of the parameter."""
PROJECTING = (8, 16, 2)
"""The (in_planes, planes, stride) of a block that needs a projection."""


def find_shortcut_from_outside(
    student: Any, question: str, case: Mapping[str, Any], named: Collection[str]
) -> CheckFailure | None:
    """The mistake of a block that takes its shortcut as a parameter and builds none by itself; None for any other.

    Args:
        student: the student's classes.
        question: of a check that failed.
        case: the parameters of its case; where they say that the shortcut is the identity, the reason is another one.
        named: the mistakes that explain what the block does. A parameter alone says nothing: one that is not called
            in a right block may be left over in one that has another mistake.
    """
    name = QUESTION_NAMES.get(question, ("",))[0]
    if name not in EXPANSION or _is_identity(case, EXPANSION[name]) or set(named) - {NO_PROJECTION}:
        return None
    try:
        further = shortcut_parameters(parameters := student.parameters(name))
        if not further or not (named or _lacks_projection(student, name)):
            return None
    except Exception:  # what cannot be built is reported as it is
        return None
    message = Message(
        f"{name}(in_planes, planes, stride=1), which builds its own shortcut: a 1x1 convolution with BatchNorm where "
        "the stride is not 1 or the channels change",
        f"{name}({', '.join(map(str, parameters))}), which has none where nobody passes `{further[0].name}`",
        "move the shortcut from ResNet into the block; ResNet calls block(in_planes, planes, stride)",
        f"Your {name} gets its shortcut from outside; it should build it itself.",
    )
    return CheckFailure(message, (NAME,))


def _lacks_projection(student: Any, name: str) -> bool:
    """Whether a block has the convolutions of F(x) alone, and runs only where its input and output have one shape."""
    kernels = [p for _, p in student.skeleton(name, *PROJECTING).named_parameters() if p.dim() > 1]
    planes = PROJECTING[1]
    same = (EXPANSION[name] * planes, planes, 1)
    return len(kernels) == CONVOLUTIONS[name] and _runs(student, name, same) and not _runs(student, name, PROJECTING)


def _runs(student: Any, name: str, arguments: tuple[int, int, int]) -> bool:
    block = getattr(student, name)(*arguments)
    try:
        block.eval()
        return isinstance(block(torch.randn(2, arguments[0], 8, 8)), torch.Tensor)
    except NOT_ABOUT_THE_CODE:  # a block that is stopped says nothing about its shortcut
        raise
    except Exception:
        return False


def _is_identity(case: Mapping[str, Any], expansion: int) -> bool:
    """Whether a case asks for a block whose input and output have the same shape."""
    if "planes" not in case:
        return False
    in_planes = case.get("in_planes", expansion * case["planes"])
    return in_planes == expansion * case["planes"] and case.get("stride", 1) == 1
