"""Images as a network meets them: moved, mirrored, normalised. On any device, many at a time."""

import functools

import torch
from torch import Tensor

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2023, 0.1994, 0.2010)
"""Of the pixels of CIFAR-10's training images, from 0 to 1; those of the notebook's own loaders."""


def moved(images: Tensor, index: Tensor, down: Tensor, right: Tensor, mirrored: Tensor) -> Tensor:
    """The images at `index` (M,), each taken `down` and `right` (M,) pixels further on, its border reflected.

    One gather instead of a loop, on whatever device the tensors are.

    Args:
        images: (N, C, H, W).
        index: which, int64.
        down: int64, less than H in size.
        right: int64, less than W in size.
        mirrored: bool (M,): which ones are turned left to right.

    Returns:
        (M, C, H, W), channels last in memory.
    """
    height, width = images.shape[-2:]
    rows = _reflected(torch.arange(height, device=images.device) + down[:, None], height)
    columns = _reflected(torch.arange(width, device=images.device) + right[:, None], width)
    columns = torch.where(mirrored[:, None], columns.flip(1), columns)
    return images[index[:, None, None], :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def normalised(images: Tensor) -> Tensor:
    """uint8 (N, 3, H, W) images as float32 with about zero mean and unit variance."""
    mean, std = _statistics(images.device)
    return (images.float() - mean) / std


@functools.cache
def _statistics(device: torch.device) -> tuple[Tensor, Tensor]:
    """Mean and deviation of bytes, (3, 1, 1); kept, for copying them to a GPU waits for it."""
    mean, std = (torch.tensor(values, device=device).view(3, 1, 1) * 255 for values in (MEAN, STD))
    return mean, std


def _reflected(positions: Tensor, size: int) -> Tensor:
    """-1 -> 1, size -> size - 2."""
    positions = positions.abs()
    return torch.where(positions < size, positions, 2 * (size - 1) - positions)
