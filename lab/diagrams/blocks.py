"""The two residual blocks, with the shapes of their tensors."""

from lab.diagrams.canvas import BLUE, BLUE_LINE, FAINT, GREEN, GREEN_LINE, GREY, ORANGE_LINE, Canvas


def basic_block() -> Canvas:
    """relu(F(x) + shortcut(x)), its six steps from left to right."""
    c = Canvas(
        900,
        270,
        "The basic block",
        "Diagram of the basic block, left to right. The input x of shape (N, in_planes, H, W) takes two ways. The "
        "lower way, F, runs through step 1, a 3 by 3 convolution with the stride; step 2, BatchNorm and ReLU; step 3, "
        "a 3 by 3 convolution with stride 1; step 4, BatchNorm without ReLU. The upper way, the shortcut, leads past "
        "them. Both have the shape (N, planes, H/stride, W/stride) where step 5 adds them; step 6, the last ReLU, "
        "comes after the addition.",
    )
    y, top = 150, 60
    c.text(38, y + 5, "x", 18, font_style="italic")
    c.line(f"M52 {y}H80", "#1f2933", 1.8)
    steps = (
        (96, 92, "3×3 conv\nstride s", BLUE, BLUE_LINE, "1"),
        (214, 92, "BatchNorm", GREY, "#1f2933", "2"),
        (332, 64, "ReLU", GREEN, GREEN_LINE, "2"),
        (422, 92, "3×3 conv\nstride 1", BLUE, BLUE_LINE, "3"),
        (540, 92, "BatchNorm", GREY, "#1f2933", "4"),
    )
    before = 80
    for x, width, words, fill, line, step in steps:
        c.arrow(f"M{before} {y}H{x - 1}")
        c.box(x, y - 26, width, 52, words, fill, line)
        c.text(x + width / 2, y - 34, step, 12, fill=FAINT, font_weight="bold")
        before = x + width
    c.arrow(f"M{before} {y}H{688}")
    c.plus(705, y)
    c.text(727, y - 18, "5", 12, fill=FAINT, font_weight="bold")
    c.arrow(f"M721 {y}H747")
    c.box(748, y - 26, 64, 52, "ReLU", GREEN, GREEN_LINE)
    c.text(780, y - 34, "6", 12, fill=FAINT, font_weight="bold")
    c.arrow(f"M812 {y}H852")
    c.text(872, y + 5, "H(x)", 14, font_style="italic")
    c.arrow(f"M80 {y}V{top + 10}Q80 {top} 90 {top}H695Q705 {top} 705 {top + 10}V{y - 17}", ORANGE_LINE, 2.6)
    c.text(392, top - 14, "shortcut: x itself, or 1×1 conv + BatchNorm where the shape changes", 14)
    c.text(364, y + 52, "F(x): what the block adds", 14)
    c.line(f"M96 {y + 34}v5H632v-5")
    for x, words in ((80, "(N, in_planes, H, W)"), (392, "(N, planes, H/s, W/s)"), (790, "(N, planes, H/s, W/s)")):
        c.code(max(x, 88), 242, words)
    c.line(f"M80 {y}V226")
    c.line("M392 207V226")
    c.line(f"M832 {y}V226")
    return c


def bottleneck() -> Canvas:
    """Squeeze, process, expand: the width of the tensors is drawn to scale."""
    c = Canvas(
        900,
        320,
        "The bottleneck block",
        "Diagram of the bottleneck block, left to right, with tensors drawn as bars as tall as they have channels. "
        "The input bar of in_planes channels, 256 in the example, is tall. Squeeze, a 1 by 1 convolution with "
        "BatchNorm and ReLU, leads to a bar a quarter as tall: planes channels, 64. Process, a 3 by 3 convolution "
        "that carries the stride, with BatchNorm and ReLU, keeps that width. Expand, a 1 by 1 convolution with "
        "BatchNorm and no ReLU, leads back to 4 times planes channels, 256. The shortcut passes above and is added; "
        "the last ReLU follows.",
    )
    y, tall, low, top = 168, 144, 36, 50
    bars = (
        (70, tall, "256", "(N, in_planes, H, W)"),
        (262, low, "64", "(N, planes, H, W)"),
        (454, low, "64", "(N, planes, H/s, W/s)"),
        (646, tall, "256", "(N, 4·planes, H/s, W/s)"),
    )
    for x, height, channels, shape in bars:
        c.box(x, y - height / 2, 34, height, channels, BLUE, BLUE_LINE)
        c.code(x + 17, 262, shape)
        c.line(f"M{x + 17} {y + height / 2 + 3}V248")
    c.text(36, y + 5, "x", 18, font_style="italic")
    c.arrow(f"M46 {y}H69")
    steps = (
        (126, "1×1 conv\nBatchNorm\nReLU", "squeeze"),
        (318, "3×3, stride s\nBatchNorm\nReLU", "process"),
        (510, "1×1 conv\nBatchNorm\n(no ReLU)", "expand"),
    )
    for x, words, name in steps:
        c.arrow(f"M{x - 22} {y}H{x - 5}")
        c.box(x - 4, y - 34, 124, 68, words, GREY)
        c.text(x + 58, y - 44, name, 14, font_weight="bold")
        c.arrow(f"M{x + 120} {y}H{x + 135}")
    c.arrow(f"M680 {y}H715")
    c.plus(732, y)
    c.arrow(f"M748 {y}H773")
    c.box(774, y - 22, 60, 44, "ReLU", GREEN, GREEN_LINE)
    c.arrow(f"M834 {y}H856")
    c.text(874, y + 5, "H(x)", 14, font_style="italic")
    c.arrow(f"M56 {y}V{top + 10}Q56 {top} 66 {top}H722Q732 {top} 732 {top + 10}V{y - 17}", ORANGE_LINE, 2.6)
    c.text(392, top - 12, "shortcut: x itself, or 1×1 conv (stride s) to 4·planes channels + BatchNorm", 14)
    c.text(450, 298, "Heights show channels, here for in_planes = 256 and planes = 64.", 13, fill=FAINT)
    return c
