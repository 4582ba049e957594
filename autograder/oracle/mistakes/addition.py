"""How F and the shortcut meet."""

from dataclasses import replace

from autograder.oracle.mistakes.changes import of_block
from autograder.oracle.mistakes.entry import BATCHNORM, BLOCKS, PAPER_BLOCK, PARTS_2_3, Mistake

ADDITION = (
    Mistake(
        "no_shortcut_add",
        BLOCKS,
        of_block(combine="none"),
        "Your block never adds the shortcut: it is a plain block, F(x) alone.",
        PAPER_BLOCK,
    ),
    Mistake(
        "no_shortcut_add",
        BLOCKS,
        of_block(combine="lost"),
        "Your block computes the shortcut but never adds it: what it returns is F(x) alone.",
        PAPER_BLOCK,
    ),
    Mistake(
        "no_shortcut_add",
        BLOCKS,
        lambda b: None if b.shortcut is None else replace(b, shortcut=None, combine="none"),
        "Where the shape changes your block has no shortcut and adds nothing: x should take a 1x1 convolution with "
        "BatchNorm there, and then be added too.",
        PAPER_BLOCK,
    ),
    Mistake(
        "residual_dropped",
        BLOCKS,
        of_block(combine="only"),
        "What leaves your block is the shortcut alone: F(x) is computed and then lost.",
        PAPER_BLOCK,
    ),
    Mistake(
        "shortcut_subtracted",
        BLOCKS,
        of_block(combine="subtract"),
        "Your block subtracts the shortcut; it should add it: H(x) = F(x) + x.",
        PAPER_BLOCK,
    ),
    Mistake(
        "residual_subtracted",
        BLOCKS,
        of_block(combine="reverse"),
        "Your block subtracts F(x) from the shortcut; it should add both: H(x) = F(x) + x.",
        PAPER_BLOCK,
    ),
    Mistake(
        "branches_averaged",
        BLOCKS,
        of_block(combine="average"),
        "Your block takes the mean of both branches; it should add them: H(x) = F(x) + x, without a factor.",
        PAPER_BLOCK,
    ),
    Mistake(
        "shortcut_added_twice",
        BLOCKS,
        of_block(combine="twice"),
        "Your block adds the shortcut twice; once is enough: H(x) = F(x) + x.",
        PAPER_BLOCK,
    ),
    Mistake(
        "branches_multiplied",
        BLOCKS,
        of_block(combine="multiply"),
        "Your block multiplies the branches; it should add them. The sum is what lets gradients through.",
        PAPER_BLOCK,
    ),
    Mistake(
        "branches_maximum",
        BLOCKS,
        of_block(combine="maximum"),
        "Your block takes the larger of both branches; it should add them.",
        PAPER_BLOCK,
    ),
    Mistake(
        "sum_doubled",
        BLOCKS,
        of_block(combine="double"),
        "Your block doubles the sum; it should be H(x) = F(x) + x, without a factor.",
        PAPER_BLOCK,
    ),
    Mistake(
        "residual_scaled_half",
        BLOCKS,
        of_block(scale=0.5),
        "Your block halves F(x) before the addition; it should be H(x) = F(x) + x, without a factor.",
        PAPER_BLOCK,
    ),
    Mistake(
        "residual_scaled_tenth",
        BLOCKS,
        of_block(scale=0.1),
        "Your block scales F(x) by 0.1 before the addition; it should be H(x) = F(x) + x, without a factor.",
        PAPER_BLOCK,
    ),
    Mistake(
        "x_overwritten",
        BLOCKS,
        lambda b: replace(b, shortcut_input="first"),
        "By the time you add the shortcut, x is no longer the input: a variable was overwritten by what the first "
        "layer returned.",
        PARTS_2_3,
    ),
    Mistake(
        "batchnorm_after_add",
        BLOCKS,
        of_block(after="batchnorm"),
        "Your block has a BatchNorm after the addition. The sum goes to the ReLU as it is; otherwise x does not pass "
        "unchanged.",
        BATCHNORM,
    ),
    Mistake(
        "shortcut_of_residual",
        BLOCKS,
        of_block(shortcut_input="last"),
        "Your shortcut is computed from F(x), not from the input: x was overwritten, or the shortcut is "
        "called with what the layers returned.",
        PARTS_2_3,
    ),
    Mistake(
        "branches_concatenated",
        BLOCKS,
        of_block(combine="concatenate"),
        "Your block puts F(x) and the shortcut side by side as channels (torch.cat); it should add them: "
        "H(x) = F(x) + x.",
        PAPER_BLOCK,
    ),
)
