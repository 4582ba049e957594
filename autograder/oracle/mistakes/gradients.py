"""Where no gradient flows, and what PyTorch does not see."""

from autograder.oracle.design import change_all
from autograder.oracle.mistakes.changes import of_block, of_layer
from autograder.oracle.mistakes.entry import BLOCKS, PAPER_BLOCK, PARTS_2_3, Mistake

GRADIENTS = (
    Mistake(
        "shortcut_detached",
        BLOCKS,
        of_block(detached="shortcut"),
        "No gradient flows through your shortcut (detach, .data or no_grad): that is the highway that "
        "the block is built for.",
        PAPER_BLOCK,
    ),
    Mistake(
        "residual_detached",
        BLOCKS,
        of_block(detached="F"),
        "No gradient flows through F(x) (detach, .data or no_grad): its convolutions cannot learn.",
        PAPER_BLOCK,
    ),
    Mistake(
        "no_gradient",
        BLOCKS,
        of_block(detached="both"),
        "No gradient flows through your block at all (no_grad, detach or .data in forward): nothing in it can learn, "
        "and nothing before it.",
        PAPER_BLOCK,
    ),
    Mistake(
        "first_conv_detached",
        BLOCKS,
        of_layer(1, detached=True),
        "No gradient reaches your first convolution: what it returns is detached.",
        PAPER_BLOCK,
    ),
    Mistake(
        "layers_in_list",
        BLOCKS,
        of_block(registered=False),
        "The layers of your block sit in a Python list, where PyTorch does not see them: assign them to self, or use "
        "nn.ModuleList or nn.Sequential.",
        PARTS_2_3,
        shapes_only=True,
    ),
    Mistake(
        "convolutions_frozen",
        BLOCKS,
        lambda b: change_all(b, learns=False),
        "The weights of your convolutions do not learn (requires_grad=False, or .data in forward).",
        PAPER_BLOCK,
    ),
)
