"""Prepare batches of images for a network: shift, flip, normalize. On any device."""

import functools

import torch
from torch import Tensor

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
"""Of the pixels of CIFAR-10's training images, from 0 to 1; the notebook's loaders use the same."""


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
    """Convert uint8 (N, 3, H, W) images to float32 with about zero mean and unit variance."""
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
