"""When the shortcut is x itself, and when it is a convolution."""

from lab.diagrams.canvas import FAINT, ORANGE_LINE, Canvas

CASES = (
    ("Same shape", (64, 32), (64, 32), "x itself: no layer"),
    ("Stride 2", (64, 32), (64, 16), "1×1 conv, stride 2\n+ BatchNorm"),
    ("More channels", (64, 32), (128, 32), "1×1 conv, stride 1\n+ BatchNorm"),
    ("Both", (64, 32), (128, 16), "1×1 conv, stride 2\n+ BatchNorm"),
)
"""(title, (channels, image) before, (channels, image) after, the shortcut)."""


def shortcuts() -> Canvas:
    """Four panels, one for each case of stride and channels."""
    c = Canvas(
        900,
        420,
        "Four cases of the shortcut",
        "Four panels, each with the feature map before and after a block and the shortcut between them. Same shape, "
        "64 channels of 32 by 32 to the same: the shortcut is x itself, no layer. Stride 2, 64 channels of 32 by 32 to "
        "64 of 16 by 16: 1 by 1 convolution with stride 2 and BatchNorm. More channels, 64 of 32 by 32 to 128 of 32 by "
        "32: 1 by 1 convolution with stride 1 and BatchNorm. Both, 64 of 32 by 32 to 128 of 16 by 16: 1 by 1 "
        "convolution with stride 2 and BatchNorm.",
    )
    for number, (title, before, after, words) in enumerate(CASES):
        x, y = 16 + (number % 2) * 438, 16 + (number // 2) * 178
        c.panel(x, y, 430, 168)
        c.text(x + 16, y + 26, title, 15, "start", font_weight="bold")
        middle = y + 92
        for left, (channels, image) in ((x + 36, before), (x + 310, after)):
            side = image * 1.7
            c.cuboid(left + (54.4 - side) / 2, middle, side, channels * 0.28)
            c.code(left + 34, y + 152, f"{channels} × {image} × {image}")
        identity = before == after
        c.arrow(f"M{x + 124} {middle}H{x + 302}", ORANGE_LINE, 2.6, dashed=not identity)
        c.text(x + 212, middle + (24 if identity else 22), words, 13)
    c.code(450, 390, "stride != 1 or in_planes != expansion * planes", 14)
    c.text(
        450,
        408,
        "Where this is true, the shortcut needs its 1×1 convolution (dashed arrows); elsewhere it is x (solid arrow).",
        12,
        fill=FAINT,
    )
    return c
