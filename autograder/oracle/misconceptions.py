"""The catalogue: named, specific ways of getting it wrong.

Each is a change of the right design; the oracle replays it on the student's own weights. `sentence` is what a good TA
would say; `where` names the section of He et al. 2015 (arXiv:1512.03385) or the part of the notebook to read again.
Order matters: of two that compute the same, the first is named.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from autograder.oracle.design import (
    Block,
    Design,
    Layer,
    Network,
    change_all,
    change_layer,
    change_layers,
)

PAPER_BLOCK = "He et al. 2015, section 3.2 and figure 2"
PAPER_BOTTLENECK = "He et al. 2015, section 4.1, 'Deeper Bottleneck Architectures', figure 5"
PAPER_SHORTCUT = "He et al. 2015, section 3.3, option B"
PAPER_NETWORK = "He et al. 2015, section 3.3 and table 1"
BATCHNORM = "He et al. 2015, section 3.4: BatchNorm right after each convolution and before activation"
PART_2, PART_3, PART_4 = "Part 2 of the notebook", "Part 3 of the notebook", "Part 4 of the notebook"


@dataclass(frozen=True)
class Misconception:
    """One way of getting it wrong.

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


BLOCKS = ("BasicBlock", "Bottleneck")
CATALOGUE: list[Misconception] = []


def _add(
    name: str, kinds: tuple[str, ...] | str, change: Callable, sentence: str, where: str, shapes_only: bool = False
) -> None:
    kinds = (kinds,) if isinstance(kinds, str) else kinds
    CATALOGUE.append(Misconception(name, kinds, change, sentence, where, shapes_only))


def _shortcut(**changes) -> Callable[[Block], Block | None]:
    """Change the projection; nothing to change where the shortcut is the identity."""
    return lambda b: None if b.shortcut is None else replace(b, shortcut=replace(b.shortcut, **changes))


def _block(**changes) -> Callable[[Block], Block]:
    return lambda b: replace(b, **changes)


def _layer(number: int, **changes) -> Callable[[Block], Block]:
    return lambda b: change_layer(b, number, **changes)


def _stride(block: Block) -> int:
    return max(layer.stride for layer in block.layers)


def _move_stride(to: int) -> Callable[[Block], Block | None]:
    """The stride on layer `to` alone; None where there is no stride."""

    def change(block: Block) -> Block | None:
        stride = _stride(block)
        return None if stride == 1 else change_layer(change_layers(block, stride=1), to, stride=stride)

    return change


def _stride_everywhere(block: Block) -> Block | None:
    return None if _stride(block) == 1 else change_layers(block, stride=_stride(block))


def _no_stride(block: Block) -> Block | None:
    return None if _stride(block) == 1 else change_layers(block, stride=1)


def _identity_when(condition: Callable[[Block], bool]) -> Callable[[Block], Block | None]:
    """No projection although there should be one, where `condition` holds."""
    return lambda b: replace(b, shortcut=None) if b.shortcut is not None and condition(b) else None


def _always_project(block: Block) -> Block | None:
    first, last = block.layers[0], block.layers[-1]
    return (
        replace(block, shortcut=Layer(first.in_planes, last.out_planes, 1, relu=False))
        if block.shortcut is None
        else None
    )


def _widened(block: Block) -> bool:
    return block.layers[0].in_planes != block.layers[-1].out_planes


def _padded(block: Block) -> Block | None:
    extra = block.layers[-1].out_planes - block.layers[0].in_planes
    return replace(block, shortcut=None, padded_shortcut=extra) if block.shortcut is not None and extra >= 0 else None


def _pooled_shortcut(kind: str) -> Callable[[Block], Block | None]:
    return lambda b: _shortcut(stride=1, pool=kind)(b) if b.shortcut is not None and _stride(b) == 2 else None


def _inner_relus(**changes) -> Callable[[Block], Block]:
    def change(block: Block) -> Block:
        for number in range(len(block.layers) - 1):
            block = change_layer(block, number, **changes)
        return block

    return change


def _activation(name: str) -> Callable[[Block], Block]:
    return _inner_relus(activation=name)


def _preactivation(block: Block) -> Block:
    return replace(change_layers(block, order="bn-relu-conv", relu=True), last_relu=False)


def _extra_layer(block: Block) -> Block:
    width = block.layers[-1].in_planes
    extra = Layer(width, width, 3, 1, 1)
    return replace(block, layers=(*block.layers[:-1], extra, block.layers[-1]))


def _without_layer(number: int) -> Callable[[Block], Block | None]:
    def change(block: Block) -> Block | None:
        removed = block.layers[number]
        layers = [layer for layer in block.layers if layer is not removed]
        if number == -1:
            layers[-1] = replace(layers[-1], out_planes=removed.out_planes, relu=False)
        elif number == 0:
            layers[0] = replace(layers[0], in_planes=removed.in_planes, stride=max(removed.stride, layers[0].stride))
        else:
            layers[number] = replace(layers[number], stride=removed.stride)
        return replace(block, layers=tuple(layers))

    return change


def _middle_width(factor: float) -> Callable[[Block], Block | None]:
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


def _expansion(factor: int) -> Callable[[Block], Block | None]:
    def change(block: Block) -> Block | None:
        out = factor * block.layers[1].out_planes
        in_planes, stride = block.layers[0].in_planes, _stride(block)
        changed = change_layer(block, -1, out_planes=out)
        same = in_planes == out and stride == 1
        return replace(changed, shortcut=None if same else Layer(in_planes, out, 1, stride, relu=False))

    return change


def _shortcut_to_planes(block: Block) -> Block | None:
    return None if block.shortcut is None else _shortcut(out_planes=block.layers[0].out_planes)(block)


def _planes_decide(block: Block) -> Block | None:
    """`in_planes != planes` decides about the projection of a bottleneck."""
    in_planes, planes, stride = block.layers[0].in_planes, block.layers[0].out_planes, _stride(block)
    project = stride != 1 or in_planes != planes
    if project == (block.shortcut is not None):
        return None
    return _always_project(block) if project else replace(block, shortcut=None)


def _depthwise(block: Block) -> Block | None:
    number = 1
    layer = block.layers[number]
    return change_layer(block, number, groups=layer.in_planes) if layer.in_planes == layer.out_planes else None


# Both blocks: where the ReLUs are.
_add(
    "relu_before_add",
    BLOCKS,
    lambda b: replace(change_layer(b, -1, relu=True), last_relu=False),
    "Your block applies its last ReLU to F(x), before the shortcut is added: what leaves the block is "
    "relu(F(x)) + shortcut(x). Add first, then cut off at zero.",
    PAPER_BLOCK,
)
_add(
    "relu_before_and_after_add",
    BLOCKS,
    _layer(-1, relu=True),
    "Your block has one ReLU too many: F(x) goes through a ReLU before the addition as well, so a block can only add, "
    "never take away.",
    PAPER_BLOCK,
)
_add(
    "missing_last_relu",
    BLOCKS,
    _block(last_relu=False),
    "Your block returns the sum as it is: the ReLU after the addition is missing.",
    PAPER_BLOCK,
)
_add(
    "missing_middle_relu",
    "BasicBlock",
    _layer(0, relu=False),
    "There is no ReLU between your two convolutions. Two linear maps in a row are one linear map.",
    PART_2,
)
_add(
    "missing_middle_relu",
    "Bottleneck",
    _layer(1, relu=False),
    "There is no ReLU after your 3x3 convolution: only the expansion is followed by none.",
    PART_3,
)
_add(
    "missing_first_relu",
    "Bottleneck",
    _layer(0, relu=False),
    "There is no ReLU after your 1x1 squeeze.",
    PART_3,
)
_add(
    "missing_inner_relus",
    "Bottleneck",
    _inner_relus(relu=False),
    "There is no ReLU inside F(x): one belongs after the squeeze and one after the 3x3 convolution.",
    PART_3,
)
_add(
    "no_relu_at_all",
    BLOCKS,
    lambda b: replace(change_layers(b, relu=False), last_relu=False),
    "Your block has no ReLU at all: without one it is a linear map in eval mode.",
    PAPER_BLOCK,
)
_add(
    "only_last_relu_missing_middle",
    "BasicBlock",
    lambda b: replace(change_layer(change_layer(b, 0, relu=False), -1, relu=True), last_relu=False),
    "Your block's only ReLU sits on F(x): one belongs between the convolutions, one after the addition.",
    PAPER_BLOCK,
)
_add(
    "input_relu",
    BLOCKS,
    lambda b: replace(b, shortcut_input="relu") if b.shortcut is not None else replace(b, combine="relu_shortcut"),
    "Your shortcut applies a ReLU to its input. A skip connection passes x on as it is, negative values too.",
    PAPER_SHORTCUT,
)
_add(
    "shortcut_relu",
    BLOCKS,
    _shortcut(relu=True),
    "Your shortcut ends in a ReLU of its own: it is a convolution and a BatchNorm, and nothing else.",
    PAPER_SHORTCUT,
)
# How the two branches meet.
_add(
    "no_shortcut_add",
    BLOCKS,
    _block(combine="none"),
    "Your block never adds the shortcut: it is a plain block, F(x) alone.",
    PAPER_BLOCK,
)
_add(
    "residual_dropped",
    BLOCKS,
    _block(combine="only"),
    "What leaves your block is the shortcut alone: F(x) is computed and then lost.",
    PAPER_BLOCK,
)
_add(
    "shortcut_subtracted",
    BLOCKS,
    _block(combine="subtract"),
    "Your block subtracts the shortcut; H(x) = F(x) + x.",
    PAPER_BLOCK,
)
_add(
    "residual_subtracted",
    BLOCKS,
    _block(combine="reverse"),
    "Your block subtracts F(x) from the shortcut; H(x) = F(x) + x.",
    PAPER_BLOCK,
)
_add(
    "branches_averaged",
    BLOCKS,
    _block(combine="average"),
    "Your block takes the mean of both branches; H(x) = F(x) + x, without a factor.",
    PAPER_BLOCK,
)
_add(
    "shortcut_added_twice",
    BLOCKS,
    _block(combine="twice"),
    "Your block adds the shortcut twice.",
    PAPER_BLOCK,
)
_add(
    "branches_multiplied",
    BLOCKS,
    _block(combine="multiply"),
    "Your block multiplies the branches. The sum is what lets gradients through.",
    PAPER_BLOCK,
)
_add(
    "branches_maximum",
    BLOCKS,
    _block(combine="maximum"),
    "Your block takes the larger of both branches; it should add them.",
    PAPER_BLOCK,
)
_add(
    "sum_doubled",
    BLOCKS,
    _block(combine="double"),
    "Your block doubles the sum; H(x) = F(x) + x, without a factor.",
    PAPER_BLOCK,
)
_add(
    "residual_scaled_half",
    BLOCKS,
    _block(scale=0.5),
    "Your block halves F(x) before the addition; H(x) = F(x) + x, without a factor.",
    PAPER_BLOCK,
)
_add(
    "residual_scaled_tenth",
    BLOCKS,
    _block(scale=0.1),
    "Your block scales F(x) by 0.1 before the addition; H(x) = F(x) + x, without a factor.",
    PAPER_BLOCK,
)
_add(
    "x_overwritten",
    BLOCKS,
    lambda b: replace(b, shortcut_input="first"),
    "By the time you add the shortcut, x is no longer the input: a variable was overwritten by what the first "
    "convolution returned.",
    PART_2,
)
_add(
    "batchnorm_after_add",
    BLOCKS,
    _block(after="batchnorm"),
    "Your block has a BatchNorm after the addition. The sum goes to the ReLU as it is, or the shortcut is no identity.",
    BATCHNORM,
)
# The shortcut.
_add(
    "shortcut_without_batchnorm",
    BLOCKS,
    _shortcut(batchnorm=False),
    "Your projection shortcut has no BatchNorm: a BatchNorm follows its 1x1 convolution, as every other one.",
    PAPER_SHORTCUT,
)
_add(
    "shortcut_bias",
    BLOCKS,
    _shortcut(bias=True),
    "The convolution of your shortcut has a bias, which the BatchNorm behind it subtracts again. Use bias=False.",
    BATCHNORM,
)
_add(
    "shortcut_bias_instead_of_batchnorm",
    BLOCKS,
    _shortcut(bias=True, batchnorm=False),
    "Your projection shortcut is a convolution with a bias; it should have no bias, and a BatchNorm instead.",
    PAPER_SHORTCUT,
)
_add(
    "shortcut_3x3",
    BLOCKS,
    _shortcut(kernel=3, padding=1),
    "Your shortcut uses a 3x3 convolution; 1x1 is enough to change channels, and far cheaper.",
    PAPER_SHORTCUT,
)
_add(
    "projection_always",
    BLOCKS,
    _always_project,
    "Your shortcut projects even where shapes agree: x itself should pass there.",
    PAPER_SHORTCUT,
)
_add(
    "projection_decided_by_planes",
    "Bottleneck",
    _planes_decide,
    "Your block compares in_planes with planes to decide about the projection; what leaves the block has "
    "expansion * planes channels.",
    PAPER_SHORTCUT,
)
_add(
    "shortcut_padded",
    BLOCKS,
    _padded,
    "Your shortcut fills the new channels with zeros (option A of the paper); here it is a 1x1 convolution (option B).",
    PAPER_SHORTCUT,
)
_add(
    "projection_only_on_stride",
    BLOCKS,
    _identity_when(lambda b: _stride(b) == 1),
    "Your shortcut is a projection only when the stride is not 1. It must also be one when the channels change.",
    PAPER_SHORTCUT,
)
_add(
    "projection_only_on_width",
    BLOCKS,
    _identity_when(lambda b: not _widened(b)),
    "Your shortcut is a projection only when the channels change. It must also be one when the stride is not 1.",
    PAPER_SHORTCUT,
)
_add(
    "projection_only_on_both",
    BLOCKS,
    _identity_when(lambda b: not (_widened(b) and _stride(b) != 1)),
    "Your shortcut is a projection only when stride and channels change; each of the two alone is reason enough.",
    PAPER_SHORTCUT,
)
_add(
    "projection_never",
    BLOCKS,
    _identity_when(lambda b: True),
    "Your shortcut is always x itself: where shapes change it must be a 1x1 convolution with BatchNorm.",
    PAPER_SHORTCUT,
)
_add(
    "shortcut_without_stride",
    BLOCKS,
    lambda b: _shortcut(stride=1)(b) if _stride(b) != 1 else None,
    "The convolution of your shortcut does not carry the stride, so the two branches do not have the same size.",
    PAPER_SHORTCUT,
)
_add(
    "shortcut_average_pool",
    BLOCKS,
    _pooled_shortcut("avg"),
    "Your shortcut shrinks the image by average pooling; its 1x1 convolution should carry the stride.",
    PAPER_SHORTCUT,
)
_add(
    "shortcut_max_pool",
    BLOCKS,
    _pooled_shortcut("max"),
    "Your shortcut shrinks the image by max pooling; its 1x1 convolution should carry the stride.",
    PAPER_SHORTCUT,
)
_add(
    "shortcut_to_planes",
    "Bottleneck",
    _shortcut_to_planes,
    "Your shortcut projects to planes channels; what leaves the block has expansion * planes.",
    PAPER_SHORTCUT,
)
# Convolutions.
_add(
    "conv_bias",
    BLOCKS,
    lambda b: change_layers(b, bias=True),
    "Your convolutions have biases, which the BatchNorm behind each subtracts again. Use bias=False.",
    BATCHNORM,
)
_add(
    "conv_bias_everywhere",
    BLOCKS,
    lambda b: None if b.shortcut is None else change_all(b, bias=True),
    "All your convolutions have biases, the shortcut's too; the BatchNorm behind each subtracts them. Use bias=False.",
    BATCHNORM,
)
_add(
    "stride_on_both_convs",
    "BasicBlock",
    _stride_everywhere,
    "Both of your 3x3 convolutions carry the stride, so the image shrinks twice. Only the first one does.",
    PART_2,
)
_add(
    "stride_on_second_conv",
    "BasicBlock",
    _move_stride(1),
    "Your second 3x3 convolution carries the stride; it belongs to the first.",
    PART_2,
)
_add(
    "stride_on_first_1x1",
    "Bottleneck",
    _move_stride(0),
    "Your 1x1 squeeze carries the stride and never looks at three pixels out of four; here the 3x3 "
    "convolution carries it.",
    PART_3,
)
_add(
    "stride_on_last_1x1",
    "Bottleneck",
    _move_stride(2),
    "Your 1x1 expansion carries the stride; the 3x3 convolution should.",
    PART_3,
)
_add(
    "stride_on_all_convs",
    "Bottleneck",
    _stride_everywhere,
    "More than one of your convolutions carries the stride; only the 3x3 does.",
    PART_3,
)
_add(
    "stride_ignored",
    BLOCKS,
    _no_stride,
    "No convolution of F carries the stride.",
    PART_2,
)
_add(
    "no_padding",
    BLOCKS,
    lambda b: change_layers(b, padding=0),
    "Your 3x3 convolutions have no padding, so the image shrinks at its border. Use padding=1.",
    PART_2,
)
_add(
    "padding_on_1x1",
    "Bottleneck",
    lambda b: change_layer(change_layer(b, 0, padding=1), 2, padding=1),
    "Your 1x1 convolutions are padded, so the image grows. Only a 3x3 convolution needs padding=1.",
    PART_3,
)
_add(
    "kernel_1_second",
    "BasicBlock",
    _layer(1, kernel=1, padding=0),
    "Your second convolution is 1x1; both convolutions of a basic block are 3x3.",
    PART_2,
)
_add(
    "kernel_5",
    "BasicBlock",
    lambda b: change_layers(b, kernel=5, padding=2),
    "Your convolutions are 5x5; a basic block has 3x3.",
    PART_2,
)
_add(
    "kernel_3_everywhere",
    "Bottleneck",
    lambda b: change_layers(b, kernel=3, padding=1),
    "All three of your convolutions are 3x3: the first and the last should be 1x1, that is where the saving is.",
    PAPER_BOTTLENECK,
)
_add(
    "kernel_1_everywhere",
    "Bottleneck",
    lambda b: change_layers(b, kernel=1, padding=0),
    "All three of your convolutions are 1x1: none looks at its neighbours. The middle one should be 3x3.",
    PAPER_BOTTLENECK,
)
_add(
    "dilated_conv",
    BLOCKS,
    _layer(1, dilation=2, padding=2),
    "One of your convolutions is dilated; a residual block has ordinary ones.",
    PART_2,
)
_add(
    "depthwise_conv",
    BLOCKS,
    _depthwise,
    "Your second convolution works on each channel alone (groups); it should mix them.",
    PART_2,
)
_add(
    "extra_conv",
    "BasicBlock",
    _extra_layer,
    "Your block has three convolutions; a basic block has two.",
    PART_2,
)
_add(
    "single_conv",
    "BasicBlock",
    _without_layer(-1),
    "Your block has one convolution only; a basic block has two.",
    PART_2,
)
_add(
    "missing_3x3",
    "Bottleneck",
    _without_layer(1),
    "Your block squeezes and expands, but the 3x3 convolution between is missing.",
    PAPER_BOTTLENECK,
)
_add(
    "middle_not_squeezed",
    "Bottleneck",
    _middle_width(4),
    "Your block does not squeeze: its middle has 4 * planes channels instead of planes.",
    PAPER_BOTTLENECK,
)
_add(
    "middle_squeezed_twice",
    "Bottleneck",
    _middle_width(0.25),
    "Your block's middle has planes / 4 channels. planes is the narrow width already.",
    PAPER_BOTTLENECK,
)
_add(
    "middle_halved",
    "Bottleneck",
    _middle_width(0.5),
    "Your block's middle has planes / 2 channels. planes is the narrow width already.",
    PAPER_BOTTLENECK,
)
_add(
    "expansion_2",
    "Bottleneck",
    _expansion(2),
    "Your block expands to 2 * planes channels; it should be 4 * planes.",
    PAPER_BOTTLENECK,
)
_add(
    "expansion_1",
    "Bottleneck",
    _expansion(1),
    "Your block returns planes channels: the last 1x1 convolution should expand to 4 * planes.",
    PAPER_BOTTLENECK,
)
# BatchNorm.
_add(
    "no_batchnorm",
    BLOCKS,
    lambda b: change_all(b, batchnorm=False),
    "There is no BatchNorm in your block: one follows each convolution.",
    BATCHNORM,
)
_add(
    "no_batchnorm_in_residual",
    BLOCKS,
    lambda b: change_layers(b, batchnorm=False),
    "There is no BatchNorm in F: one follows each convolution.",
    BATCHNORM,
)
_add(
    "missing_first_batchnorm",
    BLOCKS,
    _layer(0, batchnorm=False),
    "Your first convolution has no BatchNorm behind it.",
    BATCHNORM,
)
_add(
    "missing_middle_batchnorm",
    "Bottleneck",
    _layer(1, batchnorm=False),
    "Your 3x3 convolution has no BatchNorm behind it.",
    BATCHNORM,
)
_add(
    "missing_last_batchnorm",
    BLOCKS,
    _layer(-1, batchnorm=False),
    "Your last convolution has no BatchNorm behind it.",
    BATCHNORM,
)
_add(
    "shared_batchnorm",
    "BasicBlock",
    _layer(1, shares="conv1"),
    "One BatchNorm serves both of your convolutions: each needs its own, for its own statistics.",
    BATCHNORM,
)
_add(
    "shared_batchnorm",
    "Bottleneck",
    _layer(1, shares="conv1"),
    "One BatchNorm serves your first two convolutions: each needs its own, for its own statistics.",
    BATCHNORM,
)
_add(
    "batchnorm_after_relu",
    BLOCKS,
    _inner_relus(order="conv-relu-bn"),
    "Your BatchNorm comes after the ReLU; the order is convolution, BatchNorm, ReLU.",
    BATCHNORM,
)
_add(
    "preactivation",
    BLOCKS,
    _preactivation,
    "Your block puts BatchNorm and ReLU in front of each convolution: that is the pre-activation "
    "ResNet of a later paper.",
    BATCHNORM,
)
_add(
    "batchnorm_not_affine",
    BLOCKS,
    lambda b: change_all(b, affine=False),
    "Your BatchNorms have no weight and bias (affine=False): they could not undo the normalisation.",
    BATCHNORM,
)
_add(
    "batchnorm_frozen",
    BLOCKS,
    lambda b: change_all(b, frozen=True),
    "Your BatchNorms use their running statistics in train mode too, and never update them.",
    BATCHNORM,
)
_add(
    "batchnorm_eps",
    BLOCKS,
    lambda b: change_all(b, eps=1e-3),
    "Your BatchNorms use eps=0.001; the default, 0.00001, is meant.",
    BATCHNORM,
)
_add(
    "batchnorm_momentum",
    BLOCKS,
    lambda b: change_all(b, momentum=0.01),
    "Your BatchNorms update their statistics with momentum 0.01; PyTorch's default, 0.1, is meant.",
    BATCHNORM,
)
_add(
    "batchnorm_momentum_09",
    BLOCKS,
    lambda b: change_all(b, momentum=0.9),
    "Your BatchNorms have momentum=0.9. In PyTorch that is the share of the new batch; the default, 0.1, is meant.",
    BATCHNORM,
)
# Other activations.
for _name, _sentence in {
    "leaky_relu": "a leaky ReLU",
    "leaky_relu_0.1": "a leaky ReLU",
    "leaky_relu_0.2": "a leaky ReLU",
    "gelu": "GELU",
    "silu": "SiLU (Swish)",
    "elu": "ELU",
    "sigmoid": "a sigmoid",
    "tanh": "tanh",
    "relu6": "ReLU6",
}.items():
    _add(
        _name.replace(".", "_"),
        BLOCKS,
        _activation(_name),
        f"Between your convolutions there is {_sentence}; the paper's blocks use ReLU.",
        PAPER_BLOCK,
    )
# Gradients.
_add(
    "shortcut_detached",
    BLOCKS,
    _block(detached="shortcut"),
    "No gradient flows through your shortcut (detach, .data or no_grad): that is the highway that "
    "the block is built for.",
    PAPER_BLOCK,
)
_add(
    "residual_detached",
    BLOCKS,
    _block(detached="F"),
    "No gradient flows through F (detach, .data or no_grad): its convolutions cannot learn.",
    PAPER_BLOCK,
)
_add(
    "first_conv_detached",
    BLOCKS,
    _layer(1, detached=True),
    "No gradient reaches your first convolution: what it returns is detached.",
    PAPER_BLOCK,
)


# What PyTorch does not see.
_add(
    "layers_in_list",
    BLOCKS,
    _block(registered=False),
    "The layers of your block sit in a Python list, where PyTorch does not see them: assign them to self, or use "
    "nn.ModuleList or nn.Sequential.",
    PART_2,
    shapes_only=True,
)


# The network.
def _stem(**changes) -> Callable[[Network], Network]:
    return lambda n: replace(n, stem=replace(n.stem, **changes))


def _network(**changes) -> Callable[[Network], Network]:
    return lambda n: replace(n, **changes)


def _strides(rule: Callable[[int, int, int], int]) -> Callable[[Network], Network]:
    """New strides by (stage number from 1, index in the stage, number of blocks in the stage)."""

    def change(net: Network) -> Network:
        stages = tuple(
            tuple(replace(p, stride=rule(number, index, len(stage))) for index, p in enumerate(stage))
            for number, stage in enumerate(net.stages, start=1)
        )
        return replace(net, stages=stages)

    return change


def _counts(rule: Callable[[list[int]], list[int]]) -> Callable[[Network], Network | None]:
    """Other numbers of blocks in the stages."""

    def change(net: Network) -> Network | None:
        counts = rule([len(stage) for stage in net.stages])
        if min(counts) < 1 or counts == [len(stage) for stage in net.stages]:
            return None
        from autograder.oracle.design import network

        expansion = net.stages[0][0].expansion
        return replace(network(expansion, tuple(counts), net.num_classes), stem=net.stem)

    return change


def _without_expansion(net: Network) -> Network | None:
    in_planes, stages = 64, []
    for stage in net.stages:
        changed = []
        for probe in stage:
            changed.append(replace(probe, in_planes=in_planes))
            in_planes = probe.planes
        stages.append(tuple(changed))
    return replace(net, stages=tuple(stages)) if tuple(stages) != net.stages else None


def _repeated(net: Network) -> Network | None:
    return replace(net, shared=True) if any(len(stage) > 2 or _alike(stage) for stage in net.stages) else None


def _alike(stage: tuple) -> bool:
    return len(stage) > 1 and stage[0] == stage[1]


_add(
    "missing_stem_relu",
    "ResNet",
    _stem(relu=False),
    "There is no ReLU after the BatchNorm of your stem.",
    PART_4,
)
_add(
    "missing_stem_batchnorm",
    "ResNet",
    _stem(batchnorm=False),
    "There is no BatchNorm in your stem.",
    PART_4,
)
_add(
    "stem_without_batchnorm_and_relu",
    "ResNet",
    _stem(batchnorm=False, relu=False),
    "Your stem is a bare convolution: BatchNorm and ReLU follow it.",
    PART_4,
)
_add(
    "stem_bias",
    "ResNet",
    _stem(bias=True),
    "The convolution of your stem has a bias, which the BatchNorm behind it subtracts again. Use bias=False.",
    BATCHNORM,
)
_add(
    "stem_batchnorm_after_relu",
    "ResNet",
    _stem(order="conv-relu-bn"),
    "In your stem the BatchNorm comes after the ReLU; the order is convolution, BatchNorm, ReLU.",
    BATCHNORM,
)
_add(
    "stem_7x7",
    "ResNet",
    _stem(kernel=7, padding=3),
    "Your stem is a 7x7 convolution, as for ImageNet; for 32x32 images it is 3x3.",
    PART_4,
)
_add(
    "stem_7x7_stride_2",
    "ResNet",
    _stem(kernel=7, padding=3, stride=2),
    "Your stem is the one for ImageNet, 7x7 with stride 2; for 32x32 images it is 3x3 with stride 1.",
    PART_4,
)
_add(
    "imagenet_stem",
    "ResNet",
    lambda n: replace(_stem(kernel=7, padding=3, stride=2)(n), stem_pool="max3"),
    "Your stem is the one for ImageNet, 7x7 with stride 2 and a max-pool: little is left of a 32x32 image.",
    PART_4,
)
_add(
    "stem_5x5",
    "ResNet",
    _stem(kernel=5, padding=2),
    "Your stem is a 5x5 convolution; for 32x32 images it is 3x3.",
    PART_4,
)
_add(
    "stem_1x1",
    "ResNet",
    _stem(kernel=1, padding=0),
    "Your stem is a 1x1 convolution; it should be 3x3.",
    PART_4,
)
_add(
    "stem_stride_2",
    "ResNet",
    _stem(stride=2),
    "Your stem has stride 2; the images are small, so it should be 1.",
    PART_4,
)
_add(
    "maxpool_in_stem",
    "ResNet",
    _network(stem_pool="max3"),
    "A max-pool follows your stem, as for ImageNet; the images are small, so there is none here.",
    PART_4,
)
_add(
    "maxpool_in_stem",
    "ResNet",
    _network(stem_pool="max2"),
    "A max-pool follows your stem, as for ImageNet; the images are small, so there is none here.",
    PART_4,
)
_add(
    "stem_without_padding",
    "ResNet",
    _stem(padding=0),
    "The convolution of your stem has no padding, so 32x32 becomes 30x30. Use padding=1.",
    PART_4,
)
_add(
    "stem_batchnorm_frozen",
    "ResNet",
    _stem(frozen=True),
    "The BatchNorm of your stem uses its running statistics in train mode too, and never updates them.",
    BATCHNORM,
)
_add(
    "stem_batchnorm_eps",
    "ResNet",
    _stem(eps=1e-3),
    "The BatchNorm of your stem uses eps=0.001; the default, 0.00001, is meant.",
    BATCHNORM,
)
_add(
    "stem_batchnorm_momentum",
    "ResNet",
    _stem(momentum=0.01),
    "The BatchNorm of your stem has momentum 0.01; PyTorch's default, 0.1, is meant.",
    BATCHNORM,
)
_add(
    "stem_leaky_relu",
    "ResNet",
    _stem(activation="leaky_relu"),
    "A leaky ReLU follows your stem; it should be a ReLU.",
    PART_4,
)
_add(
    "stem_detached",
    "ResNet",
    _network(detached="stem"),
    "No gradient reaches your stem (detach, .data or no_grad).",
    PART_4,
)
_add(
    "features_detached",
    "ResNet",
    _network(detached="features"),
    "No gradient flows past your linear layer (detach, .data or no_grad): all blocks stay as they are.",
    PART_4,
)
_add(
    "stage_1_stride_2",
    "ResNet",
    _strides(lambda stage, index, count: 2 if index == 0 else 1),
    "Your first stage has stride 2; the image is halved from the second stage on.",
    PAPER_NETWORK,
)
_add(
    "no_strides",
    "ResNet",
    _strides(lambda stage, index, count: 1),
    "None of your stages shrinks the image: the first block of stages 2, 3 and 4 has stride 2.",
    PAPER_NETWORK,
)
_add(
    "stride_in_every_block",
    "ResNet",
    _strides(lambda stage, index, count: 2 if stage > 1 else 1),
    "Every block of a stage carries the stride; only the first one does.",
    PAPER_NETWORK,
)
_add(
    "stride_on_last_block",
    "ResNet",
    _strides(lambda stage, index, count: 2 if stage > 1 and index == count - 1 else 1),
    "The last block of each stage carries the stride; the first one should.",
    PAPER_NETWORK,
)
for _stage in (2, 3, 4):
    _add(
        f"stage_{_stage}_without_stride",
        "ResNet",
        _strides(lambda stage, index, count, keep=_stage: 2 if stage > 1 and stage != keep and index == 0 else 1),
        f"Stage {_stage} does not shrink the image: its first block has stride 2.",
        PAPER_NETWORK,
    )
for _stage in (1, 2, 3, 4):
    _add(
        f"stage_{_stage}_unused",
        "ResNet",
        _network(skipped_stages=(_stage,)),
        f"Your forward pass leaves out stage {_stage}, although it is built.",
        PART_4,
    )
_add(
    "blocks_in_list",
    "ResNet",
    _network(registered=False),
    "Your blocks sit in a Python list, where PyTorch does not see them: they are neither trained nor moved to the GPU. "
    "Use nn.Sequential or nn.ModuleList.",
    PART_4,
    shapes_only=True,
)
_add(
    "in_planes_without_expansion",
    "ResNet",
    _without_expansion,
    "After a block your in_planes becomes planes; what leaves the block has planes * block.expansion channels.",
    PART_4,
    shapes_only=True,
)
_add(
    "repeated_block",
    "ResNet",
    _repeated,
    "Blocks of a stage are one and the same object, so they share their weights: build a new block each time.",
    PART_4,
)
_add(
    "one_block_too_few",
    "ResNet",
    _counts(lambda counts: [count - 1 for count in counts]),
    "Your stages have one block less than num_blocks says.",
    PART_4,
)
_add(
    "one_block_too_many",
    "ResNet",
    _counts(lambda counts: [count + 1 for count in counts]),
    "Your stages have one block more than num_blocks says.",
    PART_4,
)
_add(
    "num_blocks_ignored",
    "ResNet",
    _counts(lambda counts: [2, 2, 2, 2]),
    "Your network always has two blocks in each stage: num_blocks is ignored.",
    PART_4,
)
_add(
    "num_blocks_ignored",
    "ResNet",
    _counts(lambda counts: [1, 1, 1, 1]),
    "Your network always has one block in each stage: num_blocks is ignored.",
    PART_4,
)
_add(
    "num_blocks_first_only",
    "ResNet",
    _counts(lambda counts: counts[:1] * 4),
    "Every stage has as many blocks as the first one: use num_blocks[0] to num_blocks[3].",
    PART_4,
)
_add(
    "num_blocks_reversed",
    "ResNet",
    _counts(lambda counts: counts[::-1]),
    "Your stages take num_blocks from the end.",
    PART_4,
)
_add(
    "max_pool_head",
    "ResNet",
    _network(pool="max"),
    "Your head takes the maximum over all positions; it should take the average.",
    PART_4,
)
_add(
    "sum_pool_head",
    "ResNet",
    _network(pool="sum"),
    "Your head adds up all positions; it should average them.",
    PART_4,
)
_add(
    "first_position_head",
    "ResNet",
    _network(pool="first"),
    "Your head looks at the top left position alone; it should average over all positions.",
    PART_4,
)
_add(
    "features_normalized",
    "ResNet",
    _network(normalized=True),
    "Your head normalises the features to length one before the linear layer.",
    PART_4,
)
_add(
    "head_without_bias",
    "ResNet",
    _network(head_bias=False),
    "Your linear layer has no bias.",
    PART_4,
)
_add(
    "num_classes_hard_coded",
    "ResNet",
    lambda n: None if n.num_classes == 10 else replace(n, num_classes=10),
    "Your linear layer always has ten outputs: num_classes is ignored.",
    PART_4,
)
_add(
    "softmax_output",
    "ResNet",
    _network(head="softmax"),
    "Your network ends in a softmax. It should return logits: nn.CrossEntropyLoss applies the softmax itself.",
    PART_4,
)
_add(
    "softmax_over_batch",
    "ResNet",
    _network(head="softmax_batch"),
    "Your network ends in a softmax, and over the images of the batch at that. It should return logits.",
    PART_4,
)
_add(
    "log_softmax_output",
    "ResNet",
    _network(head="log_softmax"),
    "Your network ends in a log-softmax. It should return logits: nn.CrossEntropyLoss applies it itself.",
    PART_4,
)
_add(
    "relu_output",
    "ResNet",
    _network(head="relu"),
    "A ReLU follows your linear layer: logits may be negative.",
    PART_4,
)
_add(
    "sigmoid_output",
    "ResNet",
    _network(head="sigmoid"),
    "A sigmoid follows your linear layer; the network should return logits.",
    PART_4,
)
_add(
    "tanh_output",
    "ResNet",
    _network(head="tanh"),
    "A tanh follows your linear layer; the network should return logits.",
    PART_4,
)


def catalogue(kind: str) -> list[Misconception]:
    """The misconceptions that can happen to "BasicBlock", "Bottleneck" or "ResNet"."""
    return [m for m in CATALOGUE if kind in m.kinds]
