"""Both blocks: where the ReLUs are."""

from dataclasses import replace

from autograder.oracle.design import change_layer, change_layers
from autograder.oracle.mistakes.changes import of_block, of_inner_layers, of_layer, of_shortcut
from autograder.oracle.mistakes.entry import (
    BASIC,
    BLOCKS,
    BOTTLENECK,
    PAPER_BLOCK,
    PAPER_SHORTCUT,
    PART_2,
    PART_3,
    Mistake,
)

RELUS = (
    Mistake(
        "relu_before_add",
        BLOCKS,
        lambda b: replace(change_layer(b, -1, relu=True), last_relu=False),
        "Your block applies its last ReLU to F(x), before the shortcut is added: what leaves the block is "
        "relu(F(x)) + shortcut(x). Add first, then cut off at zero.",
        PAPER_BLOCK,
    ),
    Mistake(
        "relu_before_and_after_add",
        BLOCKS,
        of_layer(-1, relu=True),
        "Your block has one ReLU too many: F(x) goes through a ReLU before the addition as well, so a block can only "
        "add, never take away.",
        PAPER_BLOCK,
    ),
    Mistake(
        "missing_last_relu",
        BLOCKS,
        of_block(last_relu=False),
        "Your block returns the sum as it is: the ReLU after the addition is missing.",
        PAPER_BLOCK,
    ),
    Mistake(
        "missing_middle_relu",
        BASIC,
        of_layer(0, relu=False),
        "There is no ReLU between your two convolutions. Two linear maps in a row are one linear map.",
        PART_2,
    ),
    Mistake(
        "missing_middle_relu",
        BOTTLENECK,
        of_layer(1, relu=False),
        "There is no ReLU after your 3x3 convolution. Only the 1x1 expansion is followed by none.",
        PART_3,
    ),
    Mistake(
        "missing_first_relu",
        BOTTLENECK,
        of_layer(0, relu=False),
        "There is no ReLU after your 1x1 squeeze: one follows its BatchNorm.",
        PART_3,
    ),
    Mistake(
        "missing_inner_relus",
        BOTTLENECK,
        of_inner_layers(relu=False),
        "There is no ReLU inside F(x): one belongs after the squeeze and one after the 3x3 convolution.",
        PART_3,
    ),
    Mistake(
        "no_relu_at_all",
        BLOCKS,
        lambda b: replace(change_layers(b, relu=False), last_relu=False),
        "Your block has no ReLU at all; without one it is a single linear map in eval mode.",
        PAPER_BLOCK,
    ),
    Mistake(
        "only_last_relu_missing_middle",
        BASIC,
        lambda b: replace(change_layer(change_layer(b, 0, relu=False), -1, relu=True), last_relu=False),
        "Your block's only ReLU sits on F(x): one belongs between the convolutions, one after the addition.",
        PAPER_BLOCK,
    ),
    Mistake(
        "input_relu",
        BLOCKS,
        lambda b: replace(b, shortcut_input="relu") if b.shortcut is not None else replace(b, combine="relu_shortcut"),
        "Your shortcut applies a ReLU to its input. A skip connection passes x on as it is, negative values too.",
        PAPER_SHORTCUT,
    ),
    Mistake(
        "shortcut_relu",
        BLOCKS,
        of_shortcut(relu=True),
        "Your shortcut ends in a ReLU of its own; it should be a convolution and a BatchNorm, and nothing else.",
        PAPER_SHORTCUT,
    ),
)
