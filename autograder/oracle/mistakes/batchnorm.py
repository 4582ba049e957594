"""BatchNorm in the blocks."""

from dataclasses import replace

from autograder.oracle.design import Block, change_all, change_layers
from autograder.oracle.mistakes.changes import of_inner_layers, of_layer
from autograder.oracle.mistakes.entry import BASIC, BATCHNORM, BLOCKS, BOTTLENECK, Mistake


def _preactivation(block: Block) -> Block:
    return replace(change_layers(block, order="bn-relu-conv", relu=True), last_relu=False)


BATCHNORMS = (
    Mistake(
        "no_batchnorm",
        BLOCKS,
        lambda b: change_all(b, batchnorm=False),
        "There is no BatchNorm in your block: one follows each convolution.",
        BATCHNORM,
    ),
    Mistake(
        "no_batchnorm_in_residual",
        BLOCKS,
        lambda b: change_layers(b, batchnorm=False),
        "There is no BatchNorm in F(x): one follows each convolution.",
        BATCHNORM,
    ),
    Mistake(
        "missing_first_batchnorm",
        BLOCKS,
        of_layer(0, batchnorm=False),
        "Your first convolution has no BatchNorm behind it: one follows each convolution.",
        BATCHNORM,
    ),
    Mistake(
        "missing_first_batchnorm",
        BLOCKS,
        of_layer(0, unused_batchnorm=True),
        "The BatchNorm of your first convolution is built, but forward does not call it.",
        BATCHNORM,
    ),
    Mistake(
        "missing_middle_batchnorm",
        BOTTLENECK,
        of_layer(1, batchnorm=False),
        "Your 3x3 convolution has no BatchNorm behind it: one follows each convolution.",
        BATCHNORM,
    ),
    Mistake(
        "missing_middle_batchnorm",
        BOTTLENECK,
        of_layer(1, unused_batchnorm=True),
        "The BatchNorm of your 3x3 convolution is built, but forward does not call it.",
        BATCHNORM,
    ),
    Mistake(
        "missing_last_batchnorm",
        BLOCKS,
        of_layer(-1, batchnorm=False),
        "Your last convolution has no BatchNorm behind it: one follows each convolution.",
        BATCHNORM,
    ),
    Mistake(
        "missing_last_batchnorm",
        BLOCKS,
        of_layer(-1, unused_batchnorm=True),
        "The BatchNorm of your last convolution is built, but forward does not call it.",
        BATCHNORM,
    ),
    Mistake(
        "shared_batchnorm",
        BASIC,
        of_layer(1, shares="conv1"),
        "One BatchNorm serves both of your convolutions: each needs its own, for its own statistics.",
        BATCHNORM,
    ),
    Mistake(
        "shared_batchnorm",
        BOTTLENECK,
        of_layer(1, shares="conv1"),
        "One BatchNorm serves your first two convolutions: each needs its own, for its own statistics.",
        BATCHNORM,
    ),
    Mistake(
        "batchnorm_after_relu",
        BLOCKS,
        of_inner_layers(order="conv-relu-bn"),
        "Your BatchNorm comes after the ReLU; the order is convolution, BatchNorm, ReLU.",
        BATCHNORM,
    ),
    Mistake(
        "preactivation",
        BLOCKS,
        _preactivation,
        "Your block puts BatchNorm and ReLU in front of each convolution: that is the pre-activation "
        "ResNet of a later paper.",
        BATCHNORM,
    ),
    Mistake(
        "batchnorm_not_affine",
        BLOCKS,
        lambda b: change_all(b, affine=False),
        "Your BatchNorms have no weight and bias (affine=False): they could not undo the normalisation.",
        BATCHNORM,
    ),
    Mistake(
        "batchnorm_frozen",
        BLOCKS,
        lambda b: change_all(b, frozen=True),
        "Your BatchNorms use their running statistics in train mode too, and never update them.",
        BATCHNORM,
    ),
    Mistake(
        "batchnorm_eps",
        BLOCKS,
        lambda b: change_all(b, eps=1e-3),
        "Your BatchNorms use eps=0.001; the default, 0.00001, is meant.",
        BATCHNORM,
    ),
    Mistake(
        "batchnorm_momentum",
        BLOCKS,
        lambda b: change_all(b, momentum=0.01),
        "Your BatchNorms update their statistics with momentum 0.01; PyTorch's default, 0.1, is meant.",
        BATCHNORM,
    ),
    Mistake(
        "batchnorm_momentum_09",
        BLOCKS,
        lambda b: change_all(b, momentum=0.9),
        "Your BatchNorms have momentum=0.9. In PyTorch that is the share of the new batch; the default, 0.1, is meant.",
        BATCHNORM,
    ),
    Mistake(
        "batchnorm_always_training",
        BLOCKS,
        lambda b: change_all(b, always=True),
        "Your BatchNorms use the statistics of the batch in eval mode too: pass training=self.training.",
        BATCHNORM,
    ),
    Mistake(
        "batchnorm_without_statistics",
        BLOCKS,
        lambda b: change_all(b, tracked=False),
        "Your BatchNorms keep no running statistics (track_running_stats=False), so in eval mode an image depends on "
        "the rest of its batch.",
        BATCHNORM,
    ),
)
