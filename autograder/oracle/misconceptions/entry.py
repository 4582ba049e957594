"""What an entry of the catalogue says."""

from collections.abc import Callable
from dataclasses import dataclass

from autograder.oracle.design import Design

PAPER_BLOCK = "He et al. 2015, section 3.2 and figure 2"
PAPER_BOTTLENECK = "He et al. 2015, section 4.1, 'Deeper Bottleneck Architectures', figure 5"
PAPER_SHORTCUT = "He et al. 2015, section 3.3, option B"
PAPER_NETWORK = "He et al. 2015, section 3.3 and table 1"
BATCHNORM = "He et al. 2015, section 3.4: BatchNorm right after each convolution and before activation"
PART_2, PART_3, PART_4 = "Part 2 of the notebook", "Part 3 of the notebook", "Part 4 of the notebook"
PARTS_2_3 = "Parts 2 and 3 of the notebook"

BASIC = ("BasicBlock",)
BOTTLENECK = ("Bottleneck",)
BLOCKS = (*BASIC, *BOTTLENECK)
RESNET = ("ResNet",)


@dataclass(frozen=True)
class Misconception:
    """One way of getting it wrong. Several entries may share a name: the same mistake, made in another way.

    Args:
        name: snake_case; reports and the gallery use it.
        kinds: "BasicBlock", "Bottleneck", "ResNet": what it can happen to.
        change: from the right design to this one; None where it makes no difference.
        sentence: for the student.
        where: what to read again.
    """

    name: str
    kinds: tuple[str, ...]
    change: Callable[[Design], Design | None]
    sentence: str
    where: str
    shapes_only: bool = False
    """It shows in the tensors that are there; it cannot be replayed."""
