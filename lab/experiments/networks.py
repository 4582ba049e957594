"""Narrow networks of any depth, with and without shortcuts, and images for them."""

import contextlib
import itertools
from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import Dataset

Block = Callable[[int, int, int], nn.Module]
"""A class of blocks, called as block(in_planes, planes, stride), whose output has `planes` channels."""

IMAGE_SIZE = 16


class PlainBlock(nn.Sequential):
    """The layers of a basic block without its shortcut: relu(F(x)), where the residual block has relu(F(x) + x).

    Args:
        in_planes: channels of the input.
        planes: channels of the output.
        stride: of the first convolution.
        norm: the class of the normalization, called as norm(planes).
    """

    expansion = 1

    def __init__(self, in_planes: int, planes: int, stride: int = 1, norm: Callable[[int], nn.Module] = nn.BatchNorm2d):
        layers = []
        for channels, step in ((in_planes, stride), (planes, 1)):
            layers += [nn.Conv2d(channels, planes, 3, step, 1, bias=False), norm(planes), nn.ReLU()]
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


def layers(depth: int) -> int:
    """The layers of a network with `depth` blocks in each stage, counted as He et al. do."""
    return 6 * depth + 2


def load_images(dataset: Dataset, count: int, device: torch.device) -> tuple[Tensor, Tensor]:
    """`count` images of a data set, always the same ones, at 16x16 pixels, and their labels."""
    order = torch.randperm(len(dataset), generator=torch.Generator().manual_seed(0))[:count].tolist()
    with torch.random.fork_rng(devices=[]):  # for data sets with random crops
        torch.default_generator.manual_seed(0)
        images, labels = zip(*(dataset[i] for i in order), strict=True)
    small = F.adaptive_avg_pool2d(torch.stack(images), IMAGE_SIZE)
    return small.to(device), torch.tensor(labels).to(device)


def choose_device(device: torch.device | str | None) -> torch.device:
    """The given device; CUDA if there is one, else the CPU, when it is None."""
    return torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))


@contextlib.contextmanager
def isolate(device: torch.device) -> Iterator[None]:
    """Keep the random numbers of the notebook unchanged, and use one thread: on small tensors, more are slower."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
            yield
    finally:
        torch.set_num_threads(threads)
