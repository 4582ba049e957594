"""Three short experiments with your blocks: why residual networks can be deep, and what a bottleneck saves.

Each one returns an object with the measured numbers; its `plot()` draws them with a caption.
"""

import contextlib
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torch.utils.flop_counter import FlopCounterMode
from tqdm.auto import tqdm

from lab import plots

Block = Callable[[int, int, int], nn.Module]
"""A class of blocks, called as block(in_planes, planes, stride), whose output has `planes` channels."""

IMAGES = 2000
IMAGE_SIZE = 16
SHALLOW, DEEP = 1, 9
"""Blocks in each of the three stages: 8 and 56 layers, counted as He et al. do."""


class PlainBlock(nn.Sequential):
    """The layers of a basic block without its shortcut: relu(F(x)), where the residual block has relu(F(x) + x).

    Args:
        in_planes: channels of the input.
        planes: channels of the output.
        stride: of the first convolution.
    """

    expansion = 1

    def __init__(self, in_planes: int, planes: int, stride: int = 1):
        layers = []
        for channels, step in ((in_planes, stride), (planes, 1)):
            layers += [nn.Conv2d(channels, planes, 3, step, 1, bias=False), nn.BatchNorm2d(planes), nn.ReLU()]
        super().__init__(*layers)


class ThinNet(nn.Module):
    """The narrow network of He et al. (2015, section 4.2): three stages, each twice as wide as the one before.

    Args:
        block: class of the blocks.
        depth: blocks in each stage; the network has 6 * depth + 2 layers.
        width: channels of the first stage.
    """

    def __init__(self, block: Block, depth: int, width: int):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        channels = [width] * (depth + 1) + [2 * width] * depth + [4 * width] * depth
        self.blocks = nn.ModuleList(block(a, b, b // a) for a, b in itertools.pairwise(channels))
        self.linear = nn.Linear(channels[-1], 10)

    def activations(self, x: Tensor) -> list[Tensor]:
        """The output of each block, first block first."""
        steps = itertools.accumulate(self.blocks, lambda out, block: block(out), initial=self.stem(x))
        return list(steps)[1:]

    def forward(self, x: Tensor) -> Tensor:
        """(N, 3, H, W) -> logits (N, 10)"""
        return self.classify(self.activations(x)[-1])

    def classify(self, out: Tensor) -> Tensor:
        """The last block's output (N, C, H, W) -> logits (N, 10)"""
        return self.linear(out.mean(dim=(2, 3)))


@dataclass(frozen=True)
class Degradation:
    """Training losses of three networks that differ only in depth and shortcut."""

    losses: dict[str, list[float]]
    """The loss of each step, by network: "plain, shallow", "plain, deep" and "residual, deep"."""
    layers: dict[str, int]

    @property
    def final(self) -> dict[str, float]:
        """The mean loss of the last fifth of the steps."""
        return {name: _mean(losses[-max(1, len(losses) // 5) :]) for name, losses in self.losses.items()}

    @property
    def caption(self) -> str:
        """The result in one sentence."""
        parts = [f"{name} ({self.layers[name]} layers) {loss:.2f}" for name, loss in self.final.items()]
        return f"Training loss at the end: {'; '.join(parts)}. (Random guessing: 2.30.)"

    @plots.styled
    def draw(self) -> Figure:
        """Loss against step, smoothed over ten steps."""
        figure, (axis,) = plots.new_figure(size=(7, 3.4))
        for number, (name, losses) in enumerate(self.losses.items()):
            smooth = [_mean(losses[max(0, i - 9) : i + 1]) for i in range(len(losses))]
            label = f"{name} ({self.layers[name]} layers)"
            axis.plot(range(1, len(smooth) + 1), smooth, label=label, **plots.line_style(number, len(smooth)))
        axis.set(xlabel="step", ylabel="training loss", title="The same batches, the same steps")
        axis.legend()
        return figure

    def plot(self) -> None:
        """Show the curves."""
        plots.show(self.draw(), self.caption)


def degradation(
    BasicBlock: Block,
    train_loader: DataLoader,
    *,
    plain: Block = PlainBlock,
    seed: int = 0,
    device: torch.device | str | None = None,
    steps: int | None = None,
) -> Degradation:
    """Train a shallow plain, a deep plain and a deep residual network on the same batches, for the same steps.

    Args:
        BasicBlock: your residual block.
        train_loader: its data set gives 2000 images, always the same ones, which are reduced to 16x16 pixels.
        plain: a block without shortcut; `PlainBlock`, or one of your own.
        seed: for the weights and the order of the batches.
        device: CUDA if there is one, else the CPU.
        steps: of SGD; by default 120, and 400 on a GPU, where the networks are also twice as wide.
    """
    device = _device(device)
    gpu = device.type == "cuda"
    width, steps = (16, steps or 400) if gpu else (8, steps or 120)
    images, labels = _images(train_loader.dataset, IMAGES, device)
    setups = {
        "plain, shallow": (plain, SHALLOW),
        "plain, deep": (plain, DEEP),
        "residual, deep": (BasicBlock, DEEP),
    }
    with _isolate(device):  # if the block cannot run, fail before the plain networks are trained
        ThinNet(BasicBlock, 1, width).to(device)(images[:2])
    with tqdm(total=len(setups) * steps, unit="step", leave=False) as bar, _isolate(device):
        losses = {}
        for name, (block, depth) in setups.items():
            bar.set_description(name)
            torch.manual_seed(seed)
            losses[name] = _losses(ThinNet(block, depth, width).to(device), images, labels, steps, seed, bar)
    return Degradation(losses, {name: 6 * depth + 2 for name, (_, depth) in setups.items()})


def _losses(net: ThinNet, images: Tensor, labels: Tensor, steps: int, seed: int, bar: tqdm) -> list[float]:
    """The loss of each step of SGD, on batches of 64 that depend only on the seed."""
    optimizer = torch.optim.SGD(net.parameters(), lr=0.03, momentum=0.9, weight_decay=1e-4)
    order = torch.Generator().manual_seed(seed)
    losses = []
    for _ in range(steps):
        chosen = torch.randint(len(images), (64,), generator=order).to(images.device)
        loss = F.cross_entropy(net(images[chosen]), labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
        bar.update()
    return losses


@dataclass(frozen=True)
class GradientFlow:
    """The size of the gradient at each block of an untrained deep network."""

    norms: dict[str, list[float]]
    """Norm of the loss's gradient with respect to each block's output, first block first: "plain" and "residual"."""

    @property
    def growth(self) -> dict[str, float]:
        """The norm at the first block divided by the norm at the last: the growth over the backward pass."""
        return {name: norms[0] / norms[-1] for name, norms in self.norms.items()}

    @property
    def caption(self) -> str:
        """The result in one sentence."""
        grown = self.growth
        blocks = len(self.norms["plain"])
        return (
            f"On its way back through {blocks} blocks the gradient's norm changes by a factor of "
            f"{grown['plain']:,.3g} without shortcuts, {grown['residual']:,.3g} with them."
        )

    @plots.styled
    def draw(self) -> Figure:
        """Norm against block, on a logarithmic scale."""
        figure, (axis,) = plots.new_figure(size=(7, 3.4))
        for number, (name, norms) in enumerate(self.norms.items()):
            axis.plot(range(1, len(norms) + 1), norms, label=name, **plots.line_style(number, len(norms)))
        axis.set(xlabel="block (1 is next to the image)", ylabel="norm of the gradient", yscale="log")
        axis.set_title("The gradient before any training")
        axis.legend()
        return figure

    def plot(self) -> None:
        """Show the curves."""
        plots.show(self.draw(), self.caption)


def gradient_flow(
    BasicBlock: Block,
    train_loader: DataLoader,
    *,
    plain: Block = PlainBlock,
    seed: int = 0,
    device: torch.device | str | None = None,
) -> GradientFlow:
    """Send a batch forwards and backwards through untrained networks of 56 layers, one plain and one residual.

    Args:
        BasicBlock: your residual block.
        train_loader: its data set gives 128 images.
        plain: a block without shortcut; `PlainBlock`, or one of your own.
        seed: for the weights.
        device: CUDA if there is one, else the CPU.
    """
    device = _device(device)
    images, labels = _images(train_loader.dataset, 128, device)
    norms = {}
    with _isolate(device):
        for name, block in (("plain", plain), ("residual", BasicBlock)):
            torch.manual_seed(seed)
            net = ThinNet(block, DEEP, 16).to(device)
            outputs = net.activations(images)
            loss = F.cross_entropy(net.classify(outputs[-1]), labels)
            norms[name] = [gradient.norm().item() for gradient in torch.autograd.grad(loss, outputs)]
    return GradientFlow(norms)


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
    def caption(self) -> str:
        """The result in one sentence."""
        parts = [f"{p:.1f} times fewer parameters and {m:.1f} times fewer multiply-adds at {width} channels"
                 for width, (p, m) in self.savings.items()]  # fmt: skip
        return f"Against a basic block of the same width, a bottleneck has {'; '.join(parts)}."

    @plots.styled
    def draw(self) -> Figure:
        """Bars of parameters and multiply-adds by width."""
        figure, axes = plots.new_figure(columns=2, size=(8, 3.2))
        widths = [row.width for row in self.rows[::2]]
        for axis, value, title in zip(
            axes,
            ("parameters", "multiply_adds"),
            ("parameters", f"multiply-adds on {self.image} by {self.image} pixels"),
            strict=True,
        ):
            for number, name in enumerate(("basic", "bottleneck")):
                style = plots.SERIES[number]
                heights = [getattr(row, value) for row in self.rows if row.block == name]
                places = [place + 0.4 * number - 0.2 for place in range(len(widths))]
                axis.bar(
                    places, heights, 0.38, label=name, color=style["color"], hatch=style["hatch"], edgecolor="white"
                )
            axis.set(xlabel="channels in and out", title=title, yscale="log")
            axis.set_xticks(range(len(widths)), [str(width) for width in widths])
        axes[0].legend()
        return figure

    def plot(self) -> None:
        """Show the bars and the table."""
        plots.show(self.draw(), f"{self.caption}\n\n{self.table()}")


def block_cost(
    BasicBlock: Block, Bottleneck: Block, *, widths: tuple[int, ...] = (64, 128, 256, 512), image: int = 16
) -> BlockCost:
    """Count the parameters and multiply-adds of your two blocks at equal width: `width` channels in and out, stride 1.

    Args:
        BasicBlock: built with `width` planes.
        Bottleneck: built with `width // 4` planes, which it expands.
        widths: channels to compare at; multiples of 4.
        image: height and width of the block's input.
    """
    rows = []
    with _isolate(torch.device("cpu")):
        for width in widths:
            for name, block, planes in (("basic", BasicBlock, width), ("bottleneck", Bottleneck, width // 4)):
                net = block(width, planes, 1)
                parameters = sum(p.numel() for p in net.parameters())
                rows.append(Cost(width, name, parameters, _multiply_adds(net, width, image)))
    return BlockCost(rows, image)


def _multiply_adds(block: nn.Module, channels: int, image: int) -> int:
    """Multiply-adds for one image, counted in the operations that PyTorch runs, so the style of the code is free."""
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        block.eval()(torch.zeros(1, channels, image, image))
    return counter.get_total_flops() // 2


def _images(dataset: Dataset, count: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """`count` images, always the same, at 16x16 pixels, and their labels."""
    order = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(0))[:count].tolist()
    images, labels = zip(*(dataset[i] for i in order), strict=True)
    small = F.adaptive_avg_pool2d(torch.stack(images), IMAGE_SIZE)
    return small.to(device), torch.tensor(labels).to(device)


def _device(device: torch.device | str | None) -> torch.device:
    return torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))


@contextlib.contextmanager
def _isolate(device: torch.device) -> Iterator[None]:
    """Keep the random numbers of the notebook unchanged, and use one thread: on small tensors, more are slower."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            yield
    finally:
        torch.set_num_threads(threads)


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
