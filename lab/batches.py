"""Batches that can be repeated exactly: an interrupted epoch continues with the batch that comes next."""

import contextlib
import signal
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Subset

Batches = AbstractContextManager[Iterator[tuple[Tensor, Tensor]]]
"""`with ... as batches:` yields images (N, 3, H, W) with labels (N,), and ends the loader's worker processes."""


def shuffled(loader: DataLoader, seed: int, epoch: int, start: int = 0) -> Batches:
    """The batches of an epoch from batch `start` on; order and random transforms depend on seed and epoch only."""
    order = torch.randperm(len(loader.dataset), generator=_generator(seed, epoch)).split(loader.batch_size)
    return _load(loader, _SeededItems(loader.dataset, seed, epoch), order[start : count(loader)])


def in_order(loader: DataLoader) -> Batches:
    """All batches of the loader's data set, not shuffled."""
    return _load(loader, loader.dataset, torch.arange(len(loader.dataset)).split(loader.batch_size))


def count(loader: DataLoader) -> int:
    """Number of batches in an epoch of `shuffled`."""
    full, rest = divmod(len(loader.dataset), loader.batch_size)
    return full + bool(rest and not loader.drop_last)


def take(loader: DataLoader, images: int, batch_size: int) -> DataLoader:
    """A loader of at most `images` images, always the same ones, in batches of at most `batch_size`."""
    dataset = loader.dataset
    if len(dataset) > images:
        dataset = Subset(dataset, torch.randperm(len(dataset), generator=_generator(0, 0))[:images].tolist())
    return DataLoader(
        dataset,
        batch_size=min(loader.batch_size, batch_size),
        num_workers=loader.num_workers,
        collate_fn=loader.collate_fn,
        pin_memory=loader.pin_memory,
        drop_last=loader.drop_last,
    )


@contextlib.contextmanager
def _load(like: DataLoader, dataset: Dataset, order: Sequence[Tensor]) -> Iterator[Iterator[tuple[Tensor, Tensor]]]:
    loader = DataLoader(
        dataset,
        batch_sampler=[indices.tolist() for indices in order],
        num_workers=like.num_workers,
        collate_fn=like.collate_fn,
        pin_memory=like.pin_memory,
        worker_init_fn=_ignore_interrupts,
        generator=_generator(0, 0),  # without one, it takes a number from the generator that dropout uses
    )
    iterator = iter(loader)
    try:
        yield iterator
    finally:
        # Left to the iterator's destructor, workers that an interruption hit would end with a traceback.
        with contextlib.suppress(RuntimeError):
            getattr(iterator, "_shutdown_workers", lambda: None)()


class _SeededItems(Dataset):
    """Seeds the random transforms of each item with seed, epoch and index, in whichever process they run."""

    def __init__(self, dataset: Dataset, seed: int, epoch: int):
        self._dataset, self._seed, self._epoch = dataset, seed, epoch

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: int):
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed((self._seed * 1000 + self._epoch) * 10_000_000 + index)
            return self._dataset[index]


def _generator(seed: int, epoch: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed * 1000 + epoch)


def _ignore_interrupts(_: int) -> None:
    """Ctrl-C reaches the loader's workers too, but only the main process decides whether to stop."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
