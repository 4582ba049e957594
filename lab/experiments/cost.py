"""What does a bottleneck save? Parameters and multiply-adds of two blocks of equal width."""

from dataclasses import dataclass

import torch
from matplotlib.figure import Figure
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from lab import plots
from lab.experiments.networks import Block, isolate

DRAWN = 256
"""The width that is drawn; the ratio is nearly the same at every width."""


@dataclass(frozen=True)
class Cost:
    """The cost of one block: its parameters, and its multiply-adds for one image."""

    width: int
    block: str
    parameters: int
    multiply_adds: int


@dataclass(frozen=True)
class BlockCost:
    """The costs of a basic and a bottleneck block with the same number of input and output channels."""

    rows: list[Cost]
    image: int
    guess: float | None = None
    """The reader's guess: how many times fewer multiply-adds the bottleneck has."""

    def table(self) -> str:
        """The rows as text."""
        lines = [f"{'channels':>8}  {'block':<10}  {'parameters':>10}  {'multiply-adds':>13}"]
        lines += [f"{r.width:>8}  {r.block:<10}  {r.parameters:>10,}  {r.multiply_adds:>13,}" for r in self.rows]
        return "\n".join(lines)

    @property
    def savings(self) -> dict[int, tuple[float, float]]:
        """By width: how many times fewer parameters, and multiply-adds, the bottleneck has."""
        pairs = zip(self.rows[::2], self.rows[1::2], strict=True)
        return {a.width: (a.parameters / b.parameters, a.multiply_adds / b.multiply_adds) for a, b in pairs}

    @property
    def drawn(self) -> int:
        """The width of the bars: 256, or the largest one."""
        widths = list(self.savings)
        return DRAWN if DRAWN in widths else widths[-1]

    @property
    def caption(self) -> str:
        """The result in one sentence."""
        parameters, multiply_adds = self.savings[self.drawn]
        return (
            f"At {self.drawn} channels, a bottleneck has {parameters:.1f} times fewer parameters and "
            f"{multiply_adds:.1f} times fewer multiply-adds than a basic block."
        )

    @plots.styled
    def draw(self) -> Figure:
        """Bars at one width that start at 0, so that their lengths can be compared."""
        figure, axes = plots.new_figure(columns=2, size=(8, 2.4))
        basic, bottleneck = (row for row in self.rows if row.width == self.drawn)
        for axis, quantity, title in zip(
            axes,
            ("parameters", "multiply_adds"),
            ("parameters", f"multiply-adds on {self.image} by {self.image} pixels"),
            strict=True,
        ):
            length_of_basic = getattr(basic, quantity)
            for place, (row, name) in enumerate(((basic, "residual"), (bottleneck, "bottleneck"))):
                style, length = plots.STYLES[name], getattr(row, quantity)
                axis.barh(place, length, 0.6, color=style["color"], hatch=style["hatch"], edgecolor="white")
                guessed = 0
                if self.guess and name == "bottleneck" and quantity == "multiply_adds":
                    guessed = length_of_basic / self.guess
                    axis.barh(place, guessed, 0.8, color="none", edgecolor=plots.INK, linestyle="--")
                axis.annotate(f" {length:,}", (max(length, guessed), place), va="center", annotation_clip=False)
            axis.set_yticks([0, 1], ["basic block", "bottleneck"])
            axis.set(title=title, xlim=(0, 1.35 * length_of_basic), xticks=[])
            axis.invert_yaxis()
        label = f"{self.drawn} channels in and out"
        axes[0].set_xlabel(label)
        axes[1].set_xlabel(f"{label}; dashed: your guess" if self.guess else label)
        return figure

    def plot(self) -> None:
        """Show the bars and the table."""
        plots.show(self.draw(), self.caption)
        print(self.table())


def block_cost(
    BasicBlock: Block,
    Bottleneck: Block,
    *,
    guess: float | None = None,
    widths: tuple[int, ...] = (64, 128, 256, 512),
    image: int = 16,
) -> BlockCost:
    """Count the parameters and multiply-adds of your two blocks at equal width: `width` channels in and out, stride 1.

    Args:
        BasicBlock: built with `width` planes.
        Bottleneck: built with `width // 4` planes, which it expands.
        guess: your guess: how many times fewer multiply-adds the bottleneck has.
        widths: channels to compare at; multiples of 4.
        image: height and width of the block's input.
    """
    rows = []
    with isolate(torch.device("cpu")):
        for width in widths:
            for name, block, planes in (("basic", BasicBlock, width), ("bottleneck", Bottleneck, width // 4)):
                net = block(width, planes, 1)
                parameters = sum(p.numel() for p in net.parameters())
                rows.append(Cost(width, name, parameters, _multiply_adds(net, width, image)))
    return BlockCost(rows, image, plots.numbers({"": guess}).get(""))


def _multiply_adds(block: nn.Module, channels: int, image: int) -> int:
    """Multiply-adds for one image, counted in the operations that PyTorch runs, so the style of the code is free."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        block.eval()(torch.zeros(1, channels, image, image))
    return counter.get_total_flops() // 2
