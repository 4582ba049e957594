"""Three short experiments with your blocks: why residual networks can be deep, and what a bottleneck saves.

Each one returns an object with the measured numbers; its `plot()` draws them with a caption.
"""

from lab.experiments.cost import BlockCost, block_cost
from lab.experiments.depth import Degradation, degradation
from lab.experiments.gradients import GradientFlow, gradient_flow
from lab.experiments.networks import PlainBlock, ThinNet

__all__ = [
    "BlockCost",
    "Degradation",
    "GradientFlow",
    "PlainBlock",
    "ThinNet",
    "block_cost",
    "degradation",
    "gradient_flow",
]
