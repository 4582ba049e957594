"""What a training reports while it runs: running means, a progress bar, and the results of each epoch."""

import time
from typing import Any, NamedTuple

import torch
from torch import Tensor
from tqdm.auto import tqdm

READ_SECONDS = 0.5
"""The progress bar reads the means this often: reading waits for the GPU."""


class Epoch(NamedTuple):
    """Results of one epoch: means over the training images during the epoch, and over the test images after it."""

    train_loss: float
    train_accuracy: float
    test_loss: float
    test_accuracy: float


def describe(epoch: Epoch) -> str:
    """The results of an epoch as text."""
    return (
        f"training loss {epoch.train_loss:.3f}, accuracy {epoch.train_accuracy:.1%}; "
        f"test loss {epoch.test_loss:.3f}, accuracy {epoch.test_accuracy:.1%}"
    )


class RunningMeans:
    """Mean loss and accuracy over the images so far. The sums stay on `device`, so adding a batch does not wait."""

    def __init__(self, device: torch.device):
        dtype = torch.float32 if device.type == "mps" else torch.float64  # MPS has no float64
        self.sums = torch.zeros(2, dtype=dtype, device=device)
        """Sum of the losses, number of correct predictions."""
        self.images = 0

    def add(self, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Add a batch: its mean loss (a scalar), its logits (N, classes) and its labels (N,)."""
        correct = (logits.argmax(dim=1) == labels).sum()
        self.sums += torch.stack([loss.detach().to(self.sums.dtype) * len(labels), correct.to(self.sums.dtype)])
        self.images += len(labels)

    def compute(self) -> tuple[float, float]:
        """(mean loss, accuracy)"""
        loss, correct = self.sums.tolist()
        return loss / self.images, correct / self.images

    def state_dict(self) -> dict[str, Any]:
        """Plain values for a checkpoint."""
        return {"sums": self.sums.tolist(), "images": self.images}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to the values that `state_dict` returned."""
        self.sums.copy_(torch.tensor(state["sums"], dtype=self.sums.dtype))
        self.images = state["images"]


class ProgressBar(tqdm):
    """Counts the images of `means`, and shows their mean loss and accuracy."""

    def __init__(self, title: str, total: int, means: RunningMeans):
        super().__init__(
            total=total, initial=means.images, desc=title, unit=" images", leave=False, mininterval=READ_SECONDS
        )
        self._means, self._read_at = means, 0.0

    def show_means(self) -> None:
        """Move the bar to the number of images that `means` has seen."""
        if time.monotonic() - self._read_at > READ_SECONDS:
            self._read_at = time.monotonic()
            loss, accuracy = self._means.compute()
            self.set_postfix(loss=f"{loss:.3f}", accuracy=f"{accuracy:.1%}", refresh=False)
        self.update(self._means.images - self.n)
