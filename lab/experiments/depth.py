"""Does depth hurt? The final training loss of plain and residual networks from 8 to 56 layers."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import Tensor
from torch.optim.lr_scheduler import LambdaLR
from torch.utils.data import DataLoader
from tqdm.auto import tqdm

from lab import plots
from lab.device import fastest_memory_format
from lab.experiments.networks import Block, PlainBlock, ThinNet, choose_device, isolate, layers, load_images

DEPTHS = (1, 3, 5, 9)
"""Blocks in each of the three stages: 8, 20, 32 and 56 layers."""
IMAGES, BATCH, STEPS, WIDTH, LEARNING_RATE = 2000, 64, 100, 8, 0.02
RANDOM_GUESSING = 2.30
"""The loss of a network that gives each of ten classes the same probability, ln 10."""
PLAIN, RESIDUAL = "plain", "residual"


@dataclass(frozen=True)
class Degradation:
    """Training losses of networks that differ only in depth and shortcut."""

    losses: dict[str, dict[int, list[float]]]
    """The loss of each step, by network ("plain", "residual") and number of layers."""
    guess: Mapping[str, float | None] = field(default_factory=dict)
    """The reader's guess of the final loss of the deepest network, by network."""

    @property
    def final(self) -> dict[str, dict[int, float]]:
        """The mean loss of the last fifth of the steps, by network and number of layers."""
        return {
            name: {depth: _mean(losses[-max(1, len(losses) // 5) :]) for depth, losses in runs.items()}
            for name, runs in self.losses.items()
        }

    def change(self, name: str) -> float:
        """How much higher the final loss of the deepest network is than that of the shallowest."""
        final = self.final[name]
        return final[max(final)] - final[min(final)]

    @property
    def caption(self) -> str:
        """The result in two sentences."""
        parts = []
        for name, final in self.final.items():
            numbers = ", ".join(f"{loss:.2f}" for loss in final.values())
            parts.append(f"{name} {numbers} (from the first to the last {self.change(name):+.2f})")
        depths = ", ".join(map(str, self.final[PLAIN]))
        return f"Final training loss at {depths} layers: {'; '.join(parts)}. Random guessing has {RANDOM_GUESSING:.2f}."

    @plots.styled
    def draw(self) -> Figure:
        """Final loss against layers, a curve for each kind of network."""
        figure, (axis,) = plots.new_figure(size=(8, 3.4))
        for name, final in self.final.items():
            axis.plot(list(final), list(final.values()), label=name, **plots.line_style(name))
            plots.draw_guess(axis, max(final), self.guess.get(name), name)
        axis.axhline(RANDOM_GUESSING, color=plots.INK, linewidth=0.8, linestyle=":", label="random guessing")
        axis.set(xlabel="layers", ylabel="final training loss", title="The same batches, the same number of steps")
        axis.set_xticks(list(self.final[PLAIN]))
        axis.legend(loc="upper left", bbox_to_anchor=(1, 1))
        return figure

    def plot(self) -> None:
        """Show the curves."""
        plots.show(self.draw(), self.caption)


def degradation(
    BasicBlock: Block,
    train_loader: DataLoader,
    *,
    plain: Block = PlainBlock,
    guess: Mapping[str, float | None] | None = None,
    seed: int = 0,
    device: torch.device | str | None = None,
    depths: tuple[int, ...] = DEPTHS,
    steps: int = STEPS,
) -> Degradation:
    """Train plain and residual networks of several depths on the same batches, for the same number of steps.

    Args:
        BasicBlock: your residual block.
        train_loader: its data set gives 2000 images, always the same ones, which are reduced to 16x16 pixels.
        plain: a block without shortcut; `PlainBlock`, or one of your own.
        guess: your guess of the final loss of the deepest networks, `{"plain": ..., "residual": ...}`.
        seed: for the weights and the order of the batches.
        device: CUDA if there is one, else the CPU.
        depths: blocks in each of the three stages.
        steps: of SGD.
    """
    device = choose_device(device)
    images, labels = load_images(train_loader.dataset, IMAGES, device)
    setups = [(name, block, depth) for depth in depths for name, block in ((PLAIN, plain), (RESIDUAL, BasicBlock))]
    with isolate(device):  # if the block cannot run, fail before the plain networks are trained
        layout = fastest_memory_format(ThinNet(BasicBlock, 1, WIDTH).to(device), device)
    images = images.to(memory_format=layout)
    losses: dict[str, dict[int, list[float]]] = {PLAIN: {}, RESIDUAL: {}}
    with _progress_bar(sum(layers(depth) for *_, depth in setups) * steps) as bar, isolate(device):
        for name, block, depth in setups:
            bar.set_description(f"{name}, {layers(depth)} layers")
            torch.manual_seed(seed)
            net = ThinNet(block, depth, WIDTH).to(device, memory_format=layout)
            losses[name][layers(depth)] = _losses(net, images, labels, steps, seed, bar, layers(depth))
    return Degradation(losses, plots.numbers(guess))


def _losses(net: ThinNet, images: Tensor, labels: Tensor, steps: int, seed: int, bar: tqdm, cost: int) -> list[float]:
    """The loss of each step of SGD, on batches that depend only on the seed; the learning rate falls to 0."""
    optimizer = torch.optim.SGD(net.parameters(), lr=LEARNING_RATE, momentum=0.9, weight_decay=1e-4)
    scheduler = LambdaLR(optimizer, lambda step: 1 - step / steps)
    order = torch.Generator().manual_seed(seed)
    losses = []
    for _ in range(steps):
        chosen = torch.randint(len(images), (BATCH,), generator=order).to(images.device)
        loss = F.cross_entropy(net(images[chosen]), labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
        bar.update(cost)
    return losses


def _progress_bar(total: int) -> tqdm:
    """A bar whose unit is one step of one layer, because deep networks take longer: so the time left is right."""
    return tqdm(total=total, leave=False, smoothing=0, bar_format="{desc} {bar} {percentage:3.0f} %, {remaining} left")


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)
