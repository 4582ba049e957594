"""One entry of the catalogue of mistakes."""

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
class Mistake:
    """A mistake that students make. Several entries may share a name: variants of the same mistake.

    Args:
        name: in snake_case, for reports and the gallery.
        kinds: the classes in which it can occur: "BasicBlock", "Bottleneck", "ResNet".
        change: turns the right design into the wrong one; returns None where it makes no difference.
        sentence: what the student reads.
        reading: the section of the paper, or the part of the notebook, to read again.
        shapes_only: it shows only in which tensors there are; it cannot be replayed.
    """

    name: str
    kinds: tuple[str, ...]
    change: Callable[[Design], Design | None]
    sentence: str
    reading: str
    shapes_only: bool = False
