"""The network's stem."""

from dataclasses import replace

from autograder.oracle.mistakes.changes import of_network, of_stem
from autograder.oracle.mistakes.entry import BATCHNORM, PART_4, RESNET, Mistake

STEM = (
    Mistake(
        "missing_stem_relu",
        RESNET,
        of_stem(relu=False),
        "There is no ReLU after the BatchNorm of your stem.",
        PART_4,
    ),
    Mistake(
        "missing_stem_batchnorm",
        RESNET,
        of_stem(batchnorm=False),
        "There is no BatchNorm in your stem.",
        PART_4,
    ),
    Mistake(
        "missing_stem_batchnorm",
        RESNET,
        of_stem(unused_batchnorm=True),
        "The BatchNorm of your stem is built, but forward does not call it.",
        PART_4,
    ),
    Mistake(
        "stem_without_batchnorm_and_relu",
        RESNET,
        of_stem(batchnorm=False, relu=False),
        "Your stem is a bare convolution: BatchNorm and ReLU follow it.",
        PART_4,
    ),
    Mistake(
        "stem_bias",
        RESNET,
        of_stem(bias=True),
        "The convolution of your stem has a bias, which the BatchNorm behind it subtracts again. Use bias=False.",
        BATCHNORM,
    ),
    Mistake(
        "stem_batchnorm_after_relu",
        RESNET,
        of_stem(order="conv-relu-bn"),
        "In your stem the BatchNorm comes after the ReLU; the order is convolution, BatchNorm, ReLU.",
        BATCHNORM,
    ),
    Mistake(
        "stem_7x7",
        RESNET,
        of_stem(kernel=7, padding=3),
        "Your stem is a 7x7 convolution, as for ImageNet; for 32x32 images it is 3x3.",
        PART_4,
    ),
    Mistake(
        "stem_7x7_stride_2",
        RESNET,
        of_stem(kernel=7, padding=3, stride=2),
        "Your stem is the one for ImageNet, 7x7 with stride 2; for 32x32 images it is 3x3 with stride 1.",
        PART_4,
    ),
    Mistake(
        "imagenet_stem",
        RESNET,
        lambda n: replace(of_stem(kernel=7, padding=3, stride=2)(n), stem_pool="max3"),
        "Your stem is the one for ImageNet, 7x7 with stride 2 and a max-pool: little is left of a 32x32 image.",
        PART_4,
    ),
    Mistake(
        "stem_5x5",
        RESNET,
        of_stem(kernel=5, padding=2),
        "Your stem is a 5x5 convolution; for 32x32 images it is 3x3.",
        PART_4,
    ),
    Mistake(
        "stem_1x1",
        RESNET,
        of_stem(kernel=1, padding=0),
        "Your stem is a 1x1 convolution; it should be 3x3.",
        PART_4,
    ),
    Mistake(
        "stem_stride_2",
        RESNET,
        of_stem(stride=2),
        "Your stem has stride 2; the images are small, so it should be 1.",
        PART_4,
    ),
    Mistake(
        "maxpool_in_stem",
        RESNET,
        of_network(stem_pool="max3"),
        "A max-pool follows your stem, as for ImageNet; the images are small, so there is none here.",
        PART_4,
    ),
    Mistake(
        "maxpool_in_stem",
        RESNET,
        of_network(stem_pool="max2"),
        "A max-pool follows your stem, as for ImageNet; the images are small, so there is none here.",
        PART_4,
    ),
    Mistake(
        "stem_without_padding",
        RESNET,
        of_stem(padding=0),
        "The convolution of your stem has no padding, so 32x32 becomes 30x30. Use padding=1.",
        PART_4,
    ),
    Mistake(
        "stem_batchnorm_frozen",
        RESNET,
        of_stem(frozen=True),
        "The BatchNorm of your stem uses its running statistics in train mode too, and never updates them.",
        BATCHNORM,
    ),
    Mistake(
        "stem_batchnorm_eps",
        RESNET,
        of_stem(eps=1e-3),
        "The BatchNorm of your stem uses eps=0.001; the default, 0.00001, is meant.",
        BATCHNORM,
    ),
    Mistake(
        "stem_batchnorm_momentum",
        RESNET,
        of_stem(momentum=0.01),
        "The BatchNorm of your stem has momentum 0.01; PyTorch's default, 0.1, is meant.",
        BATCHNORM,
    ),
    Mistake(
        "stem_leaky_relu",
        RESNET,
        of_stem(activation="leaky_relu"),
        "A leaky ReLU follows your stem; it should be a ReLU.",
        PART_4,
    ),
    Mistake(
        "stem_detached",
        RESNET,
        of_network(detached="stem"),
        "No gradient reaches your stem (detach, .data or no_grad).",
        PART_4,
    ),
)
