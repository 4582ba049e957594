"""The catalogue of mistakes, by subject.

Each mistake is a change of the right design, which the oracle replays on the student's own weights. `sentence` explains
it to the student; `reading` refers to a section of He et al. 2015 (arXiv:1512.03385) or to a part of the notebook.
The order matters: of two mistakes that compute the same, the first one is reported.
"""

from autograder.oracle.mistakes.activations import ACTIVATIONS
from autograder.oracle.mistakes.addition import ADDITION
from autograder.oracle.mistakes.batchnorm import BATCHNORMS
from autograder.oracle.mistakes.convolutions import CONVOLUTIONS
from autograder.oracle.mistakes.entry import Mistake
from autograder.oracle.mistakes.gradients import GRADIENTS
from autograder.oracle.mistakes.head import HEAD
from autograder.oracle.mistakes.relus import RELUS
from autograder.oracle.mistakes.shortcut import SHORTCUT
from autograder.oracle.mistakes.stages import STAGES
from autograder.oracle.mistakes.stem import STEM
from autograder.oracle.mistakes.widths import WIDTHS

__all__ = ["CATALOGUE", "Mistake", "catalogue"]

CATALOGUE: tuple[Mistake, ...] = (
    # The blocks.
    *RELUS,
    *ADDITION,
    *SHORTCUT,
    *CONVOLUTIONS,
    *WIDTHS,
    *BATCHNORMS,
    *ACTIVATIONS,
    *GRADIENTS,
    # The network.
    *STEM,
    *STAGES,
    *HEAD,
)


def catalogue(kind: str) -> list[Mistake]:
    """The mistakes that can occur in "BasicBlock", "Bottleneck" or "ResNet"."""
    return [m for m in CATALOGUE if kind in m.kinds]
