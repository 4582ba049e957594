"""How does the gradient change with depth? Its norm at each block of untrained networks of 56 layers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import partial

import torch
import torch.nn.functional as F
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.utils.data import DataLoader

from lab import plots
from lab.experiments.networks import Block, PlainBlock, ThinNet, choose_device, isolate, load_images

DEPTH, WIDTH, IMAGES, LEARNING_RATE = 9, 16, 64, 0.1
PLAIN, RESIDUAL, NO_NORM = "plain", "residual", "plain, no BatchNorm"


@dataclass(frozen=True)
class GradientFlow:
    """The size of the gradient at each block of untrained networks: "plain", "residual", "plain, no BatchNorm"."""

    norms: dict[str, list[float]]
    """Norm of the loss's gradient with respect to each block's output, first block first."""
    changes: dict[str, list[float]]
    """Norm of a step of SGD with learning rate 0.1, divided by the norm of the weights, for each block."""
    guess: Mapping[str, float | None] = field(default_factory=dict)
    """The reader's guess of `growth`, by network."""

    @property
    def growth(self) -> dict[str, float]:
        """The norm at the first block divided by the norm at the last: the growth over the backward pass."""
        return {name: norms[0] / norms[-1] for name, norms in self.norms.items()}

    @property
    def caption(self) -> str:
        """The result in three sentences."""
        grown, changes = self.growth, self.changes
        return (
            f"From the last block to the first, the gradient's norm is multiplied by {grown[PLAIN]:,.4g} in the plain "
            f"network, by {grown[RESIDUAL]:,.3g} in the residual one, and by {grown[NO_NORM]:.1g} in the plain one "
            f"without BatchNorm. One step of SGD with learning rate {LEARNING_RATE} would change the weights of the "
            f"first block by {changes[PLAIN][0]:.0%} of their size in the plain network and by "
            f"{changes[RESIDUAL][0]:.0%} in the residual one, those of the last block by {changes[PLAIN][-1]:.1%} and "
            f"{changes[RESIDUAL][-1]:.1%}."
        )

    @plots.styled
    def draw(self) -> Figure:
        """Norm against block, on a logarithmic scale: with BatchNorm on the left, without on the right."""
        figure, axes = plots.new_figure(columns=2, size=(8.5, 3.4))
        for axis, names in zip(axes, ((PLAIN, RESIDUAL), (NO_NORM,)), strict=True):
            for name in names:
                norms = self.norms[name]
                axis.plot(range(1, len(norms) + 1), norms, label=name, **plots.line_style(name, len(norms)))
                guess = self.guess.get(name)
                plots.draw_guess(axis, 1, guess and guess * norms[-1], name)
            axis.set(xlabel="block (1 is next to the image)", ylabel="norm of the gradient", yscale="log")
            axis.legend()
        axes[0].set_title("with BatchNorm, before any training")
        axes[1].set_title("without BatchNorm")
        return figure

    def plot(self) -> None:
        """Show the curves."""
        plots.show(self.draw(), self.caption)


def gradient_flow(
    BasicBlock: Block,
    train_loader: DataLoader,
    *,
    plain: Block = PlainBlock,
    guess: Mapping[str, float | None] | None = None,
    seed: int = 0,
    device: torch.device | str | None = None,
    depth: int = DEPTH,
) -> GradientFlow:
    """Send a batch forwards and backwards through untrained networks of 56 layers.

    Args:
        BasicBlock: your residual block.
        train_loader: its data set gives 64 images.
        plain: a block without shortcut; `PlainBlock`, or one of your own.
        guess: your guess of the norm at the first block divided by that at the last, `{"plain": ..., "residual": ...}`.
        seed: for the weights.
        device: CUDA if there is one, else the CPU.
        depth: blocks in each of the three stages.
    """
    device = choose_device(device)
    images, labels = load_images(train_loader.dataset, IMAGES, device)
    without_norm = partial(PlainBlock, norm=nn.Identity)
    norms, changes = {}, {}
    with isolate(device):
        for name, block in ((PLAIN, plain), (RESIDUAL, BasicBlock), (NO_NORM, without_norm)):
            torch.manual_seed(seed)
            net = ThinNet(block, depth, WIDTH).to(device)
            outputs = net.activations(images)
            for output in outputs:
                output.retain_grad()
            F.cross_entropy(net.classify(outputs[-1]), labels).backward()
            norms[name] = [_norm([output.grad]) for output in outputs]
            changes[name] = [_change(block) for block in net.blocks]
    return GradientFlow(norms, changes, plots.numbers(guess))


def _change(block: nn.Module) -> float:
    """The norm of a step of SGD, relative to the norm of the weights, over the convolutions of a block."""
    weights = [parameter for parameter in block.parameters() if parameter.dim() == 4]
    return LEARNING_RATE * _norm([weight.grad for weight in weights]) / _norm(weights)


def _norm(tensors: list[Tensor]) -> float:
    """The norm of all tensors together; in float64, because the squares of vanishing gradients are 0 in float32."""
    return sum(tensor.detach().cpu().double().square().sum().item() for tensor in tensors) ** 0.5
