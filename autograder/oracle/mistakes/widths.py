"""The channels of F."""

from dataclasses import replace

from autograder.oracle.design import Block, Layer, change_layer
from autograder.oracle.mistakes.changes import BlockChange, stride_of
from autograder.oracle.mistakes.entry import (
    BASIC,
    BLOCKS,
    BOTTLENECK,
    PAPER_BOTTLENECK,
    PART_2,
    PART_3,
    PARTS_2_3,
    Mistake,
)


def _middle_width(factor: float) -> BlockChange:
    def change(block: Block) -> Block | None:
        width = int(block.layers[0].out_planes * factor)
        if width < 1:
            return None
        first, middle, last = block.layers
        return replace(
            block,
            layers=(
                replace(first, out_planes=width),
                replace(middle, in_planes=width, out_planes=width),
                replace(last, in_planes=width),
            ),
        )

    return change


def _expansion(factor: int) -> BlockChange:
    def change(block: Block) -> Block | None:
        out = factor * block.layers[1].out_planes
        in_planes, stride = block.layers[0].in_planes, stride_of(block)
        changed = change_layer(block, -1, out_planes=out)
        same = in_planes == out and stride == 1
        return replace(changed, shortcut=None if same else Layer(in_planes, out, 1, stride, relu=False))

    return change


def _channels_change_late(block: Block) -> Block | None:
    width = block.layers[0].in_planes
    if width == block.layers[0].out_planes:
        return None
    return change_layer(change_layer(block, 0, out_planes=width), 1, in_planes=width)


def _second_takes_in_planes(block: Block) -> Block | None:
    width = block.layers[0].in_planes
    return change_layer(block, 1, in_planes=width) if width != block.layers[1].in_planes else None


def _last_batchnorm_to_planes(block: Block) -> Block:
    return change_layer(block, -1, batchnorm_planes=block.layers[0].out_planes)


WIDTHS = (
    Mistake(
        "middle_not_squeezed",
        BOTTLENECK,
        _middle_width(4),
        "Your block does not squeeze: its middle has 4 * planes channels instead of planes.",
        PAPER_BOTTLENECK,
    ),
    Mistake(
        "middle_squeezed_twice",
        BOTTLENECK,
        _middle_width(0.25),
        "Your block's middle has planes / 4 channels. planes is the narrow width already.",
        PAPER_BOTTLENECK,
    ),
    Mistake(
        "middle_halved",
        BOTTLENECK,
        _middle_width(0.5),
        "Your block's middle has planes / 2 channels. planes is the narrow width already.",
        PAPER_BOTTLENECK,
    ),
    Mistake(
        "expansion_2",
        BOTTLENECK,
        _expansion(2),
        "Your block expands to 2 * planes channels; it should be 4 * planes.",
        PAPER_BOTTLENECK,
    ),
    Mistake(
        "expansion_1",
        BOTTLENECK,
        _expansion(1),
        "Your block returns planes channels: the last 1x1 convolution should expand to 4 * planes.",
        PAPER_BOTTLENECK,
    ),
    Mistake(
        "channels_change_late",
        BASIC,
        _channels_change_late,
        "Your first convolution keeps in_planes channels and the second one changes them; the first should go from "
        "in_planes to planes.",
        PART_2,
    ),
    Mistake(
        "second_conv_takes_in_planes",
        BLOCKS,
        _second_takes_in_planes,
        "Your second convolution is built for in_planes channels, but it receives what the first one returns: planes.",
        PARTS_2_3,
    ),
    Mistake(
        "last_batchnorm_to_planes",
        BOTTLENECK,
        _last_batchnorm_to_planes,
        "Your last BatchNorm is built for planes channels, but it receives expansion * planes.",
        PART_3,
    ),
)
