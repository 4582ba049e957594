"""One name for all checks that fail because a block gets its shortcut from outside, in a parameter `downsample`."""

from collections.abc import Mapping
from typing import Any

from autograder.contract import QUESTION_NAMES
from autograder.student.message import CheckFailure, Message
from autograder.student.signature import further_parameters

EXPANSION = {"BasicBlock": 1, "Bottleneck": 4}
NAME = "shortcut_from_outside"
PROJECTING = (8, 16, 2)
"""The (in_planes, planes, stride) of a block that needs a projection."""


def find_shortcut_from_outside(student: Any, question: str, case: Mapping[str, Any]) -> CheckFailure | None:
    """The mistake of a block that takes further parameters and builds no projection by itself; None for any other.

    Args:
        student: the student's classes.
        question: of a check that failed.
        case: the parameters of its case; where they say that the shortcut is the identity, the reason is another one.
    """
    name = QUESTION_NAMES.get(question, ("",))[0]
    if name not in EXPANSION or _is_identity(case, EXPANSION[name]):
        return None
    try:
        further = further_parameters(parameters := student.parameters(name))
        if not further:
            return None
        shapes = [tuple(p.shape) for _, p in student.skeleton(name, *PROJECTING).named_parameters()]
    except Exception:  # what cannot be built is reported as it is
        return None
    projection = (EXPANSION[name] * PROJECTING[1], PROJECTING[0])
    if any(shape[:2] == projection and set(shape[2:]) <= {1} for shape in shapes):
        return None
    message = Message(
        f"{name}(in_planes, planes, stride=1), which builds its own shortcut: a 1x1 convolution with BatchNorm where "
        "the stride is not 1 or the channels change",
        f"{name}({', '.join(map(str, parameters))}), which has none where nobody passes `{further[0].name}`",
        "move the shortcut from ResNet into the block; ResNet calls block(in_planes, planes, stride)",
        f"Your {name} gets its shortcut from outside; it should build it itself.",
    )
    return CheckFailure(message, (NAME,))


def _is_identity(case: Mapping[str, Any], expansion: int) -> bool:
    """Whether a case asks for a block whose input and output have the same shape."""
    if "planes" not in case:
        return False
    in_planes = case.get("in_planes", expansion * case["planes"])
    return in_planes == expansion * case["planes"] and case.get("stride", 1) == 1
