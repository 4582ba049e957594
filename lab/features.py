"""What a network looks at: the filters of its first convolution, its feature maps, and its receptive fields."""

from collections.abc import Iterator

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from lab import plots
from lab.messages import say
from utils import to_picture

Named = tuple[str, Tensor]


def show_filters(net: nn.Module) -> None:
    """Show the 3x3 filters of the first convolution, one picture for each output channel."""
    weights = next((p.detach().cpu() for p in net.parameters() if p.dim() == 4 and p.shape[1] == 3), None)
    if weights is None:
        say("This network has no convolution with three input channels.")
        return
    caption = f"The {len(weights)} filters of the first convolution, each scaled so that its largest weight is 0 or 1."
    plots.show(draw_filters(weights), caption)


@plots.styled
def draw_filters(weights: Tensor) -> Figure:
    """Filters (N, 3, 3, 3) as colour pictures."""
    figure, axes = plots.new_figure(-(-len(weights) // 16), 16, size=(8, 0.55 * -(-len(weights) // 16)))
    scaled = 0.5 + weights / weights.abs().amax(dim=(1, 2, 3), keepdim=True).clamp(min=1e-12) / 2
    for axis in axes:
        axis.axis("off")
    for axis, picture in zip(axes, scaled, strict=False):
        axis.imshow(picture.permute(1, 2, 0).numpy())
    return figure


def show_feature_maps(net: nn.Module, image: Tensor, block: type[nn.Module], count: int = 8) -> None:
    """Show the first channels of every block's output for one image (3, H, W)."""
    maps = block_outputs(net, image[None], block)
    if not maps:
        say(f"This network has no block of the class {block.__name__}.")
        return
    caption = (
        f"The image, and below it the first {count} channels after each of the {len(maps)} blocks: dark is 0, bright "
        "is the largest value of a row. Deeper maps have fewer pixels."
    )
    plots.show(draw_feature_maps(image, maps, count), caption)


@plots.styled
def draw_feature_maps(image: Tensor, maps: list[Named], count: int) -> Figure:
    """The image in the first row, then a row for each block."""
    figure, axes = plots.new_figure(len(maps) + 1, count, size=(8, len(maps) + 1))
    for axis in axes:
        axis.axis("off")
    axes[0].imshow(to_picture(image).numpy())
    axes[0].set_title("image", fontsize=8)
    for row, (name, values) in enumerate(maps, start=1):
        channels = values[0, :count].cpu()
        for axis, channel in zip(axes[row * count :], channels, strict=False):
            axis.imshow(channel.numpy(), cmap="gray", vmin=0, vmax=max(channels.max().item(), 1e-12))
        axes[row * count].set_title(f"{name}: {values.shape[2]} by {values.shape[3]}", fontsize=8, loc="left")
    return figure


def receptive_fields(net: nn.Module, block: type[nn.Module], size: int = 64) -> dict[str, int]:
    """For each block, the width in pixels of the part of the image that one output pixel depends on.

    It is measured: the gradient of the middle pixel with respect to the image is 0 outside. Images have `size` pixels,
    so `size` means "at least".
    """
    device = next(net.parameters()).device
    image = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0)).to(device).requires_grad_()
    fields = {}
    with torch.enable_grad():
        for name, out in block_outputs(net, image, block):
            middle = out[..., out.shape[2] // 2, out.shape[3] // 2].sum()
            (gradient,) = torch.autograd.grad(middle, image, retain_graph=True)
            columns = gradient.abs().sum(dim=(0, 1, 2)).nonzero().flatten()
            fields[name] = int(columns.max() - columns.min() + 1) if len(columns) else 0
    return fields


def show_receptive_fields(net: nn.Module, block: type[nn.Module]) -> None:
    """Print the receptive field of each block."""
    for name, width in receptive_fields(net, block).items():
        print(f"{name}: {width:2} pixels" + (" or more" if width >= 64 else ""))


def block_outputs(net: nn.Module, images: Tensor, block: type[nn.Module]) -> list[Named]:
    """The output (N, C, H, W) of each block of a class, in the order in which the network calls them, in eval mode."""
    outputs: list[Named] = []

    def record(_: nn.Module, __: tuple, out: Tensor) -> None:
        outputs.append((f"block {len(outputs) + 1}", out))

    hooks = [module.register_forward_hook(record) for module in _blocks(net, block)]
    training = net.training
    try:
        with torch.set_grad_enabled(images.requires_grad):
            net.eval()(images.to(next(net.parameters()).device))
    finally:
        net.train(training)
        for hook in hooks:
            hook.remove()
    return outputs


def _blocks(net: nn.Module, block: type[nn.Module]) -> Iterator[nn.Module]:
    """The blocks of a class; its name is compared, because a notebook defines the class anew with each run."""
    return (module for module in net.modules() if type(module).__name__ == block.__name__)
