"""Train a network with a fixed recipe that brings a ResNet-18 to a good accuracy in a few minutes on a GPU.

It runs in the process of the student's code and in the benchmark that calibrates it, so it needs only PyTorch. Of a
network it uses only what every `nn.Module` has: forward, parameters, train, eval and to.

The recipe is that of fast trainings on CIFAR-10: images that stay on the GPU as bytes and are cropped and flipped
there; Muon, or AdamW and smaller batches where there are few images; a learning rate that rises and falls once (Smith
and Topin 2017); no weight decay on BatchNorm and biases; label smoothing. There is no `torch.compile`: it starts
processes, which a confined process must not, and takes longer to compile than it would save.
"""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from autograder.training.inside.muon import Muon
from autograder.training.inside.pixels import SIDE, shift_and_flip
from autograder.training.inside.precision import PLAIN, Way, fastest_way, use_fast_arithmetic

STEPS_BETWEEN_REPORTS = 20
"""Reading a number synchronizes with the GPU, so it is done rarely."""


@dataclass(frozen=True)
class Recipe:
    """Everything but the seed that determines how a network is trained and evaluated; plain values, stored as JSON.

    Args:
        epochs: passes over the training images.
        batch_size: images a step; the rest of an epoch that fills no batch is left out.
        peak_lr: the highest learning rate.
        optimizer: "muon" (Jordan et al. 2024), which needs the fewest epochs; "adamw" (Loshchilov and Hutter 2017), for
            a few hundred steps: in so few, SGD puts networks whose BatchNorm starts at zero at a disadvantage; or
            "sgd", with Nesterov momentum.
        momentum: of the gradients; beta1 of AdamW.
        vector_lr: factor of the learning rate of values per channel, such as the weights and biases of BatchNorm. A
            few hundred steps of AdamW move each value by little: a BatchNorm that starts at zero needs a larger factor.
            Muon moves each value per channel by about the learning rate times this factor in every step.
        weight_decay: of convolutions and linear layers.
        label_smoothing: share of the target that is spread over all classes.
        warmup: share of the steps in which the learning rate rises from 0; it falls to 0 in the others.
        images: how many of the training images make an epoch, drawn anew each time; all when None.
        heldout: how many held-out images it is evaluated on, see `autograder.training.heldout`; all when None.
        side: height and width that all images are reduced to.
        shift: share of its side by which a training image is shifted at most. He et al. (2015, section 4.2) shift by 4
            of 32 pixels; few epochs learn more from less.
    """

    epochs: int
    batch_size: int
    peak_lr: float
    optimizer: str = "sgd"
    momentum: float = 0.9
    vector_lr: float = 1.0
    weight_decay: float = 5e-4
    label_smoothing: float = 0.1
    warmup: float = 0.25
    images: int | None = None
    heldout: int | None = None
    side: int = SIDE
    shift: float = 1 / 8

    def in_words(self) -> str:
        """How long it trains, such as "2 epochs of 5,000 images each"."""
        words = "1 epoch" if self.epochs == 1 else f"{self.epochs} epochs"
        if self.images is not None:
            words += f" of {self.images:,} images{' each' if self.epochs > 1 else ''}"
        return words if self.side == SIDE else f"{words}, reduced to {self.side}x{self.side} pixels"


@dataclass(frozen=True)
class Progress:
    """Progress of a training: `step` of `steps` counts batches of the whole training, `epoch` from 1.

    `loss` and `accuracy` are means over the images of this epoch so far, in train mode.
    """

    epoch: int
    epochs: int
    step: int
    steps: int
    loss: float
    accuracy: float


def fit(
    net: nn.Module,
    images: Tensor,
    labels: Tensor,
    recipe: Recipe,
    *,
    device: torch.device,
    seed: int,
    progress: Callable[[Progress], None] | None = None,
) -> Way:
    """Train `net` in place, and move it to `device`; returns how its steps were computed.

    Training ends early where no parameter gets a gradient, or where the loss was not finite in any step of an epoch:
    neither improves later.

    Args:
        net: maps normalized float32 (N, 3, H, W) images to (N, 10) logits.
        images: uint8, (N, 3, H, W), on any device.
        labels: int64, (N,).
        recipe: how to train.
        device: where to train.
        seed: of the order and augmentation of images, and of what the network draws; from 0 to 2^63 - 1.
        progress: called every 20th step and at the end of each epoch.

    Raises:
        ValueError: images or labels have another type or shape, or there are none.
        TypeError, ValueError: the network returns no (N, 10) tensor. Whatever else it raises is not caught.
    """
    _check(images, labels)
    use_fast_arithmetic(device)
    _seed_everything(seed)
    net.to(device).train()
    images, labels = images.to(device), labels.to(device)
    images_in_epoch = min(recipe.images or len(images), len(images))
    batch = min(recipe.batch_size, images_in_epoch)
    way = fastest_way(net, images[:batch], labels[:batch], device)
    optimizer = _optimizer(net, recipe, way.half)
    if optimizer is None:
        return way
    generator = torch.Generator(device).manual_seed(seed)
    steps_in_epoch = images_in_epoch // batch
    steps, step = recipe.epochs * steps_in_epoch, 0
    scaler = torch.amp.GradScaler(device.type, enabled=way.half is torch.float16)
    for epoch in range(1, recipe.epochs + 1):
        tally = _Tally(device)
        for pictures, truth in _batches(images, labels, steps_in_epoch, batch, recipe.shift, generator):
            for group in optimizer.param_groups:
                group["lr"] = group["factor"] * learning_rate(step, steps, recipe)
            optimizer.zero_grad()
            logits = way.logits(net, pictures)
            loss = F.cross_entropy(logits, truth, label_smoothing=recipe.label_smoothing)
            if not loss.requires_grad:
                return way
            scaler.scale(loss).backward()
            if any(p.grad is not None for group in optimizer.param_groups for p in group["params"]):
                scaler.step(optimizer)
                scaler.update()
            tally.add(loss.detach(), logits.detach(), truth)
            step += 1
            if progress and step % STEPS_BETWEEN_REPORTS == 0 and step % steps_in_epoch:
                progress(_report(tally, epoch, recipe, step, steps))
        report = _report(tally, epoch, recipe, step, steps)
        if progress:
            progress(report)
        if report.loss != report.loss:  # not a number
            break
    return way


def predict(
    net: nn.Module, images: Tensor, way: Way = PLAIN, *, device: torch.device, batch_size: int = 1000
) -> Tensor:
    """The logits of `net` in eval mode for uint8 (N, 3, H, W) images: (N, 10), float32, on the CPU.

    In full precision, because the grader compares these numbers with its own.

    Args:
        net: trained.
        images: on any device.
        way: what `fit` returned, which knows the size of images that the network takes.
        device: where to compute.
        batch_size: images at once.

    Raises:
        TypeError, ValueError: the network returns no (N, 10) tensor. Whatever else it raises is not caught.
    """
    use_fast_arithmetic(device)
    net.to(device).eval()
    way = replace(PLAIN, enlarged=way.enlarged)
    with torch.no_grad():
        return torch.cat([way.logits(net, part.to(device)).cpu() for part in images.split(batch_size)])


def learning_rate(step: int, steps: int, recipe: Recipe) -> float:
    """The learning rate of a step, counted from 0: rises linearly to the peak, then falls linearly."""
    rising = max(1, round(recipe.warmup * steps))
    if step < rising:
        return recipe.peak_lr * (step + 1) / rising
    return recipe.peak_lr * (steps - step) / (steps - rising + 1)


def _optimizer(net: nn.Module, recipe: Recipe, half: torch.dtype | None = None) -> torch.optim.Optimizer | None:
    """None where there is nothing to learn. Weight decay applies to kernels, not to values per channel."""
    kernels, others = [], []
    for parameter in net.parameters():
        if parameter.requires_grad:
            # A BatchNorm's weight may have the shape (1, C, 1, 1).
            is_kernel = parameter.dim() > 1 and parameter.numel() > max(parameter.shape)
            (kernels if is_kernel else others).append(parameter)
    if not kernels and not others:
        return None
    groups = [
        {"params": kernels, "weight_decay": recipe.weight_decay, "factor": 1.0, "orthogonal": True},
        {"params": others, "weight_decay": 0.0, "factor": recipe.vector_lr, "orthogonal": False},
    ]
    if recipe.optimizer == "muon":
        dtype = torch.bfloat16 if half is torch.bfloat16 else torch.float32
        return Muon(groups, lr=recipe.peak_lr, momentum=recipe.momentum, dtype=dtype)
    if recipe.optimizer == "adamw":
        # Squared gradients are averaged over 100 steps: the default 1000 is more than a short training has.
        return torch.optim.AdamW(groups, lr=recipe.peak_lr, betas=(recipe.momentum, 0.99))
    return torch.optim.SGD(groups, lr=recipe.peak_lr, momentum=recipe.momentum, nesterov=recipe.momentum > 0)


def _batches(
    images: Tensor, labels: Tensor, steps: int, size: int, shift: float, generator: torch.Generator
) -> Iterator[tuple[Tensor, Tensor]]:
    """One epoch: batches in random order, each image shifted by up to `shift` of its side and perhaps flipped."""
    count, device = steps * size, images.device
    order = torch.randperm(len(images), generator=generator, device=device)[:count]
    most = round(shift * images.shape[-1])
    down, right = torch.randint(-most, most + 1, (2, count), generator=generator, device=device)
    flip = torch.randint(2, (count,), generator=generator, device=device).bool()
    for first in range(0, count, size):
        some = slice(first, first + size)
        yield shift_and_flip(images, order[some], down[some], right[some], flip[some]), labels[order[some]]


class _Tally:
    """Sums over an epoch that stay on the device until they are read."""

    def __init__(self, device: torch.device):
        self._sums = torch.zeros(4, dtype=torch.float64, device=device)

    def add(self, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Add a step's mean loss; one that is not finite is left out: float16 has such steps, and skips them."""
        finite = loss.isfinite()
        right = (logits.argmax(dim=1) == labels).float().mean()
        self._sums += torch.stack([loss.where(finite, 0.0), finite.float(), right, torch.ones_like(right)])

    def read(self) -> tuple[float, float]:
        """Mean loss, NaN where it never was finite, and accuracy; synchronizes with the device."""
        loss, finite, right, steps = self._sums.tolist()
        return loss / finite if finite else float("nan"), right / steps


def _report(tally: _Tally, epoch: int, recipe: Recipe, step: int, steps: int) -> Progress:
    return Progress(epoch, recipe.epochs, step, steps, *tally.read())


def _check(images: Tensor, labels: Tensor) -> None:
    if images.dtype != torch.uint8 or images.dim() != 4 or images.shape[1] != 3 or not len(images):
        raise ValueError(f"images must be uint8 (N, 3, H, W), not {images.dtype} {tuple(images.shape)}")
    if labels.dtype != torch.int64 or labels.shape != images.shape[:1]:
        raise ValueError(f"labels must be int64 ({len(images)},), not {labels.dtype} {tuple(labels.shape)}")


def _seed_everything(seed: int) -> None:
    random.seed(seed)
    np.random.seed(seed % 2**32)
    torch.manual_seed(seed)  # CUDA's too
