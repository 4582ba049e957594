"""Prepare batches of images for a network: reduce, shift, flip, normalize. On any device."""

import functools

import torch
import torch.nn.functional as F
from torch import Tensor

SIDE = 32
"""Height and width of the images of CIFAR-10."""

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
"""As in the notebook's loaders, see `utils`; pixels are from 0 to 1."""


def reduce(images: Tensor, side: int) -> Tensor:
    """Average uint8 (N, C, H, W) images to (N, C, side, side); the images themselves where they have that size."""
    if images.shape[-1] == side:
        return images
    factor = images.shape[-1] // side
    return torch.cat([F.avg_pool2d(part.float(), factor).round().to(torch.uint8) for part in images.split(5000)])


def enlarge(images: Tensor) -> Tensor:
    """Repeat the pixels of (N, C, H, W) images, so that they have the size of CIFAR-10's."""
    factor = SIDE // images.shape[-1]
    return images.repeat_interleave(factor, -2).repeat_interleave(factor, -1) if factor > 1 else images


def shift_and_flip(images: Tensor, index: Tensor, down: Tensor, right: Tensor, flip: Tensor) -> Tensor:
    """Crop the images at `index` with an offset of `down` and `right` pixels, borders reflected, and flip some.

    One gather instead of a loop over images.

    Args:
        images: (N, C, H, W).
        index: int64 (M,), indices of images.
        down: int64 (M,), between -H and H.
        right: int64 (M,), between -W and W.
        flip: bool (M,), which images are flipped horizontally.

    Returns:
        (M, C, H, W), channels last in memory.
    """
    height, width = images.shape[-2:]
    rows = _reflect(torch.arange(height, device=images.device) + down[:, None], height)
    columns = _reflect(torch.arange(width, device=images.device) + right[:, None], width)
    columns = torch.where(flip[:, None], columns.flip(1), columns)
    return images[index[:, None, None], :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def normalize(images: Tensor) -> Tensor:
    """Convert uint8 (N, 3, H, W) images to float32 with about zero mean, and about unit variance within one."""
    mean, std = _statistics(images.device)
    return (images.float() - mean) / std


@functools.cache
def _statistics(device: torch.device) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of bytes, (3, 1, 1); cached, because copying them to a GPU synchronizes with it."""
    mean, std = (torch.tensor(values, device=device).view(3, 1, 1) * 255 for values in (MEAN, STD))
    return mean, std


def _reflect(positions: Tensor, size: int) -> Tensor:
    """Reflect positions at the border: -1 -> 1, size -> size - 2."""
    positions = positions.abs()
    return torch.where(positions < size, positions, 2 * (size - 1) - positions)
