"""The catalogue: named, specific ways of getting it wrong, by subject.

Each is a change of the right design; the oracle replays it on the student's own weights. `sentence` is what a good TA
would say; `where` names the section of He et al. 2015 (arXiv:1512.03385) or the part of the notebook to read again.
Order matters: of two that compute the same, the first is named.
"""

from autograder.oracle.misconceptions.activations import ACTIVATIONS
from autograder.oracle.misconceptions.addition import ADDITION
from autograder.oracle.misconceptions.batchnorm import BATCHNORMS
from autograder.oracle.misconceptions.convolutions import CONVOLUTIONS
from autograder.oracle.misconceptions.entry import Misconception
from autograder.oracle.misconceptions.gradients import GRADIENTS
from autograder.oracle.misconceptions.head import HEAD
from autograder.oracle.misconceptions.relus import RELUS
from autograder.oracle.misconceptions.shortcut import SHORTCUT
from autograder.oracle.misconceptions.stages import STAGES
from autograder.oracle.misconceptions.stem import STEM
from autograder.oracle.misconceptions.widths import WIDTHS

__all__ = ["CATALOGUE", "Misconception", "catalogue"]

CATALOGUE: tuple[Misconception, ...] = (
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


def catalogue(kind: str) -> list[Misconception]:
    """The misconceptions that can happen to "BasicBlock", "Bottleneck" or "ResNet"."""
    return [m for m in CATALOGUE if kind in m.kinds]
