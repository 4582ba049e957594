"""The whole network, stage by stage."""

from lab.diagrams.canvas import BLUE, BLUE_LINE, FAINT, GREEN, GREEN_LINE, GREY, Canvas

STAGES = ((1, 64, 1, 32), (2, 128, 2, 16), (3, 256, 2, 8), (4, 512, 2, 4))
"""(number, planes, stride of the first block, image)."""


def network() -> Canvas:
    """Stem, four stages, head; feature maps get smaller and have more channels."""
    c = Canvas(
        900,
        315,
        "The network",
        "Diagram of the network, left to right. Image: 3 channels of 32 by 32. Stem: 3 by 3 convolution, BatchNorm, "
        "ReLU, 64 channels of 32 by 32. Stage 1: num_blocks[0] blocks of 64 planes, stride 1, 32 by 32. Stage 2: "
        "num_blocks[1] blocks of 128 planes, first stride 2, 16 by 16. Stage 3: num_blocks[2] blocks of 256 planes, "
        "first stride 2, 8 by 8. Stage 4: num_blocks[3] blocks of 512 planes, first stride 2, 4 by 4. Head: global "
        "average pool and linear layer from 512 times expansion features to num_classes logits.",
    )
    y = 112
    c.cuboid(24, y, 60, 4)
    c.text(54, 40, "image", 14, font_weight="bold")
    c.code(56, 182, "3 × 32 × 32", 11)
    c.arrow(f"M94 {y}H112")
    c.box(114, y - 42, 84, 84, "3×3 conv\nBatchNorm\nReLU", GREY)
    c.text(156, 40, "stem", 14, font_weight="bold")
    c.code(156, 182, "64 × 32 × 32", 11)
    c.arrow(f"M198 {y}H220")
    middles = (270, 402, 530, 654)
    widths = [10 + image * 1.6 + planes * 0.085 for _, planes, _, image in STAGES]
    for middle, (number, planes, stride, image) in zip(middles, STAGES, strict=True):
        side, depth = 10 + image * 1.6, planes * 0.085
        c.cuboid(middle - (side + depth) / 2, y + depth * 0.2, side, depth, BLUE, BLUE_LINE)
        c.text(middle, 40, f"stage {number}", 14, font_weight="bold")
        c.code(middle, 182, f"{planes}·e × {image} × {image}", 11)
        c.code(middle, 212, f"num_blocks[{number - 1}]", 12)
        c.text(middle, 230, f"blocks, {planes} planes", 12)
        c.text(middle, 248, f"strides {stride}, 1, 1, ...", 12)
        following = middles[number] - widths[number] / 2 - 6 if number < 4 else 743
        c.arrow(f"M{middle + (side + depth) / 2 + 6:g} {y}H{following:g}")
    c.box(744, y - 42, 136, 84, "average over\nall positions,\nlinear layer", GREEN, GREEN_LINE)
    c.text(812, 40, "head", 14, font_weight="bold")
    c.code(812, 182, "num_classes logits", 11)
    c.text(
        450,
        284,
        "Shapes are channels × height × width; e is block.expansion: 1 for BasicBlock, 4 for Bottleneck.\n"
        "ResNet-18 has two basic blocks in each stage: 1 + 4 · 2 · 2 convolutions and 1 linear layer make 18.",
        13,
        fill=FAINT,
    )
    return c
