"""Share a tensor between processes as read-only memory: an anonymous file (memfd) that is sealed against writing.

The images of CIFAR-10 are copied once for all trainings; each training process maps the same pages.
"""

import fcntl
import math
import mmap
import os
import warnings
from collections.abc import Sequence

import torch
from torch import Tensor

_SEALS = fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_SEAL


class SharedImages:
    """uint8 images behind a read-only file descriptor, `number`."""

    def __init__(self, images: Tensor):
        if images.dtype != torch.uint8:
            raise TypeError(f"images are uint8, not {images.dtype}")
        self.shape = tuple(images.shape)
        self.number = os.memfd_create("images", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        with open(self.number, "wb", closefd=False) as file:
            file.write(memoryview(images.contiguous().view(-1).numpy()))
        fcntl.fcntl(self.number, fcntl.F_ADD_SEALS, _SEALS)

    def close(self) -> None:
        """Close the descriptor; the memory is freed when the last process that maps it has ended."""
        if self.number >= 0:
            os.close(self.number)
            self.number = -1


def map_images(number: int, shape: Sequence[int]) -> Tensor:
    """Map the images behind a descriptor, read-only: writing into this tensor ends the process.

    Privately, because Linux before 6.7 refuses shared mappings of sealed memory; pages that nobody writes are shared.
    """
    pages = mmap.mmap(number, math.prod(shape), flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns that the tensor cannot be written
        return torch.frombuffer(pages, dtype=torch.uint8).reshape(*shape)
