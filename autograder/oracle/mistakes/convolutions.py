"""The convolutions of F: stride, padding, kernel, bias, and their number."""

from dataclasses import replace

from autograder.oracle.design import Block, Layer, change_all, change_layer, change_layers
from autograder.oracle.mistakes.changes import BlockChange, of_layer, of_residual, stride_of
from autograder.oracle.mistakes.entry import (
    BASIC,
    BATCHNORM,
    BLOCKS,
    BOTTLENECK,
    PAPER_BOTTLENECK,
    PART_2,
    PART_3,
    PARTS_2_3,
    Mistake,
)


def _move_stride(to: int) -> BlockChange:
    """The stride on layer `to` alone; None where there is no stride."""

    def change(block: Block) -> Block | None:
        stride = stride_of(block)
        return None if stride == 1 else change_layer(change_layers(block, stride=1), to, stride=stride)

    return change


def _stride_everywhere(block: Block) -> Block | None:
    return None if stride_of(block) == 1 else change_layers(block, stride=stride_of(block))


def _no_stride(block: Block) -> Block | None:
    return None if stride_of(block) == 1 else change_layers(block, stride=1)


def _no_stride_anywhere(block: Block) -> Block | None:
    return None if stride_of(block) == 1 else change_all(block, stride=1)


def _extra_layer(block: Block) -> Block:
    width = block.layers[-1].in_planes
    extra = Layer(width, width, 3, 1, 1)
    return replace(block, layers=(*block.layers[:-1], extra, block.layers[-1]))


def _single_conv(block: Block) -> Block:
    return replace(block, layers=(replace(block.layers[0], relu=False),))


def _without_3x3(strided: int) -> BlockChange:
    """Squeeze and expand alone; layer `strided` of the two carries the stride."""

    def change(block: Block) -> Block:
        squeezed = replace(block, layers=(block.layers[0], block.layers[2]))
        return change_layer(squeezed, strided, stride=stride_of(block))

    return change


def _depthwise(block: Block) -> Block | None:
    number = 1
    layer = block.layers[number]
    return change_layer(block, number, groups=layer.in_planes) if layer.in_planes == layer.out_planes else None


CONVOLUTIONS = (
    Mistake(
        "conv_bias",
        BLOCKS,
        lambda b: change_layers(b, bias=True),
        "Your convolutions have biases, which the BatchNorm behind each subtracts again. Use bias=False.",
        BATCHNORM,
    ),
    Mistake(
        "conv_bias",
        BLOCKS,
        lambda b: None if b.shortcut is None else change_all(b, bias=True),
        "All your convolutions have biases, the shortcut's too; the BatchNorm behind each subtracts them. "
        "Use bias=False.",
        BATCHNORM,
    ),
    Mistake(
        "stride_on_both_convs",
        BASIC,
        _stride_everywhere,
        "Both of your 3x3 convolutions carry the stride, so the image shrinks twice. Only the first one does.",
        PART_2,
    ),
    Mistake(
        "stride_on_second_conv",
        BASIC,
        _move_stride(1),
        "Your second 3x3 convolution carries the stride; it belongs to the first.",
        PART_2,
    ),
    Mistake(
        "stride_on_first_1x1",
        BOTTLENECK,
        _move_stride(0),
        "Your 1x1 squeeze carries the stride and never looks at three pixels out of four; here the 3x3 "
        "convolution carries it.",
        PART_3,
    ),
    Mistake(
        "stride_on_last_1x1",
        BOTTLENECK,
        _move_stride(2),
        "Your 1x1 expansion carries the stride; the 3x3 convolution should.",
        PART_3,
    ),
    Mistake(
        "stride_on_all_convs",
        BOTTLENECK,
        _stride_everywhere,
        "More than one of your convolutions carries the stride; only the 3x3 does.",
        PART_3,
    ),
    Mistake(
        "stride_ignored",
        BLOCKS,
        _no_stride,
        "No convolution of F(x) carries the stride, so the two branches do not have the same size.",
        PARTS_2_3,
    ),
    Mistake(
        "no_padding",
        BLOCKS,
        lambda b: change_layers(b, padding=0),
        "Your 3x3 convolutions have no padding, so the image shrinks at its border. Use padding=1.",
        PARTS_2_3,
    ),
    Mistake(
        "padding_on_1x1",
        BOTTLENECK,
        lambda b: change_layer(change_layer(b, 0, padding=1), 2, padding=1),
        "Your 1x1 convolutions are padded, so the image grows. Only a 3x3 convolution needs padding=1.",
        PART_3,
    ),
    Mistake(
        "kernel_1_second",
        BASIC,
        of_layer(1, kernel=1, padding=0),
        "Your second convolution is 1x1; both convolutions of a basic block are 3x3.",
        PART_2,
    ),
    Mistake(
        "kernel_5",
        BASIC,
        lambda b: change_layers(b, kernel=5, padding=2),
        "Your convolutions are 5x5; a basic block has 3x3.",
        PART_2,
    ),
    Mistake(
        "kernel_3_everywhere",
        BOTTLENECK,
        lambda b: change_layers(b, kernel=3, padding=1),
        "All three of your convolutions are 3x3: the first and the last should be 1x1, that is where the saving is.",
        PAPER_BOTTLENECK,
    ),
    Mistake(
        "kernel_1_everywhere",
        BOTTLENECK,
        lambda b: change_layers(b, kernel=1, padding=0),
        "All three of your convolutions are 1x1: none looks at its neighbours. The middle one should be 3x3.",
        PAPER_BOTTLENECK,
    ),
    Mistake(
        "dilated_conv",
        BLOCKS,
        of_layer(1, dilation=2, padding=2),
        "One of your convolutions is dilated; a residual block has ordinary ones.",
        PARTS_2_3,
    ),
    Mistake(
        "depthwise_conv",
        BLOCKS,
        _depthwise,
        "Your second convolution works on each channel alone (groups); it should mix them.",
        PARTS_2_3,
    ),
    Mistake(
        "extra_conv",
        BASIC,
        _extra_layer,
        "Your block has three convolutions; a basic block has two.",
        PART_2,
    ),
    Mistake(
        "single_conv",
        BASIC,
        _single_conv,
        "Your block has one convolution only; a basic block has two.",
        PART_2,
    ),
    Mistake(
        "missing_3x3",
        BOTTLENECK,
        _without_3x3(0),
        "Your block squeezes and expands, but the 3x3 convolution between is missing.",
        PAPER_BOTTLENECK,
    ),
    Mistake(
        "missing_3x3",
        BOTTLENECK,
        _without_3x3(1),
        "Your block squeezes and expands, but the 3x3 convolution between is missing.",
        PAPER_BOTTLENECK,
    ),
    Mistake(
        "single_conv_bias",
        BLOCKS,
        of_layer(0, bias=True),
        "Your first convolution has a bias, which the BatchNorm behind it subtracts again. Use bias=False.",
        BATCHNORM,
    ),
    Mistake(
        "single_conv_bias",
        BOTTLENECK,
        of_layer(1, bias=True),
        "Your 3x3 convolution has a bias, which the BatchNorm behind it subtracts again. Use bias=False.",
        BATCHNORM,
    ),
    Mistake(
        "single_conv_bias",
        BLOCKS,
        of_layer(-1, bias=True),
        "Your last convolution has a bias, which the BatchNorm behind it subtracts again. Use bias=False.",
        BATCHNORM,
    ),
    Mistake(
        "no_stride_anywhere",
        BLOCKS,
        _no_stride_anywhere,
        "The stride is used nowhere: neither F(x) nor the shortcut shrinks the image.",
        PARTS_2_3,
    ),
    Mistake(
        "padding_mode",
        BLOCKS,
        of_residual(padding_mode="reflect"),
        "Your 3x3 convolutions do not pad with zeros (padding_mode='reflect'); PyTorch's default, zeros, is meant.",
        PARTS_2_3,
    ),
    Mistake(
        "padding_mode",
        BLOCKS,
        of_residual(padding_mode="replicate"),
        "Your 3x3 convolutions do not pad with zeros (padding_mode='replicate'); PyTorch's default, zeros, is meant.",
        PARTS_2_3,
    ),
    Mistake(
        "padding_mode",
        BLOCKS,
        of_residual(padding_mode="circular"),
        "Your 3x3 convolutions do not pad with zeros (padding_mode='circular'); PyTorch's default, zeros, is meant.",
        PARTS_2_3,
    ),
)
