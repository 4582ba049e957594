"""The shortcut: what it is made of, and when it is a projection."""

from collections.abc import Callable
from dataclasses import replace

from autograder.oracle.design import Block, Layer
from autograder.oracle.mistakes.changes import BlockChange, of_shortcut, stride_of, widens
from autograder.oracle.mistakes.entry import BATCHNORM, BLOCKS, BOTTLENECK, PAPER_SHORTCUT, Mistake


def _identity_when(condition: Callable[[Block], bool]) -> BlockChange:
    """No projection although there should be one, where `condition` holds."""
    return lambda b: replace(b, shortcut=None) if b.shortcut is not None and condition(b) else None


def _always_project(block: Block) -> Block | None:
    first, last = block.layers[0], block.layers[-1]
    return (
        replace(block, shortcut=Layer(first.in_planes, last.out_planes, 1, relu=False))
        if block.shortcut is None
        else None
    )


def _padded(block: Block) -> Block | None:
    extra = block.layers[-1].out_planes - block.layers[0].in_planes
    return replace(block, shortcut=None, padded_shortcut=extra) if block.shortcut is not None and extra >= 0 else None


def _pooled_shortcut(kind: str) -> BlockChange:
    return lambda b: of_shortcut(stride=1, pool=kind)(b) if b.shortcut is not None and stride_of(b) == 2 else None


def _shortcut_to_planes(block: Block) -> Block | None:
    return None if block.shortcut is None else of_shortcut(out_planes=block.layers[0].out_planes)(block)


def _planes_decide(block: Block) -> Block | None:
    """`in_planes != planes` decides about the projection of a bottleneck."""
    in_planes, planes, stride = block.layers[0].in_planes, block.layers[0].out_planes, stride_of(block)
    project = stride != 1 or in_planes != planes
    if project == (block.shortcut is not None):
        return None
    return _always_project(block) if project else replace(block, shortcut=None)


SHORTCUT = (
    Mistake(
        "shortcut_without_batchnorm",
        BLOCKS,
        of_shortcut(batchnorm=False),
        "Your projection shortcut has no BatchNorm: a BatchNorm follows its 1x1 convolution, as every other one.",
        PAPER_SHORTCUT,
    ),
    Mistake(
        "shortcut_bias",
        BLOCKS,
        of_shortcut(bias=True),
        "The convolution of your shortcut has a bias, which the BatchNorm behind it subtracts again. Use bias=False.",
        BATCHNORM,
    ),
    Mistake(
        "shortcut_bias_instead_of_batchnorm",
        BLOCKS,
        of_shortcut(bias=True, batchnorm=False),
        "Your projection shortcut is a convolution with a bias; it should have no bias, and a BatchNorm instead.",
        PAPER_SHORTCUT,
    ),
    Mistake(
        "shortcut_3x3",
        BLOCKS,
        of_shortcut(kernel=3, padding=1),
        "Your shortcut uses a 3x3 convolution; 1x1 is enough to change channels, and far cheaper.",
        PAPER_SHORTCUT,
    ),
    Mistake(
        "projection_always",
        BLOCKS,
        _always_project,
        "Your shortcut projects even where the shapes agree: x itself should pass there.",
        PAPER_SHORTCUT,
    ),
    Mistake(
        "projection_decided_by_planes",
        BOTTLENECK,
        _planes_decide,
        "Your block compares in_planes with planes to decide about the projection; what leaves the block has "
        "expansion * planes channels.",
        PAPER_SHORTCUT,
    ),
    Mistake(
        "shortcut_padded",
        BLOCKS,
        _padded,
        "Your shortcut has no convolution where the shape changes: it skips pixels and fills new channels with zeros "
        "(option A of the paper); here it is a 1x1 convolution with BatchNorm (option B).",
        PAPER_SHORTCUT,
    ),
    Mistake(
        "projection_only_on_stride",
        BLOCKS,
        _identity_when(lambda b: stride_of(b) == 1),
        "Your shortcut is a projection only when the stride is not 1. It must also be one when the channels change.",
        PAPER_SHORTCUT,
    ),
    Mistake(
        "projection_only_on_width",
        BLOCKS,
        _identity_when(lambda b: not widens(b)),
        "Your shortcut is a projection only when the channels change. It must also be one when the stride is not 1.",
        PAPER_SHORTCUT,
    ),
    Mistake(
        "projection_only_on_both",
        BLOCKS,
        _identity_when(lambda b: not (widens(b) and stride_of(b) != 1)),
        "Your shortcut is a projection only when stride and channels change; each of the two alone is reason enough.",
        PAPER_SHORTCUT,
    ),
    Mistake(
        "projection_never",
        BLOCKS,
        _identity_when(lambda b: True),
        "Your shortcut is always x itself: where shapes change it must be a 1x1 convolution with BatchNorm.",
        PAPER_SHORTCUT,
    ),
    Mistake(
        "shortcut_without_stride",
        BLOCKS,
        lambda b: of_shortcut(stride=1)(b) if stride_of(b) != 1 else None,
        "The convolution of your shortcut does not carry the stride, so the two branches do not have the same size.",
        PAPER_SHORTCUT,
    ),
    Mistake(
        "shortcut_average_pool",
        BLOCKS,
        _pooled_shortcut("avg"),
        "Your shortcut shrinks the image by average pooling; its 1x1 convolution should carry the stride.",
        PAPER_SHORTCUT,
    ),
    Mistake(
        "shortcut_max_pool",
        BLOCKS,
        _pooled_shortcut("max"),
        "Your shortcut shrinks the image by max pooling; its 1x1 convolution should carry the stride.",
        PAPER_SHORTCUT,
    ),
    Mistake(
        "shortcut_to_planes",
        BOTTLENECK,
        _shortcut_to_planes,
        "Your shortcut projects to planes channels; what leaves the block has expansion * planes.",
        PAPER_SHORTCUT,
    ),
)
