"""What a training returns: the results of its epochs, and plots of what the network gets right and wrong."""

from dataclasses import dataclass

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset

from lab.predictions import Predictions
from lab.progress import Epoch


@dataclass
class TrainingResult:
    """The trained network and its results; `finished` is False when the training was interrupted."""

    net: nn.Module
    history: list[Epoch]
    finished: bool
    test_set: Dataset
    device: torch.device
    _predictions: Predictions | None = None

    def predict(self) -> Predictions:
        """The network's predictions for the test images; computed once."""
        if self._predictions is None:
            loader = DataLoader(self.test_set, batch_size=100)
            self._predictions = Predictions.of(self.net, loader, self.device)
        return self._predictions

    def plot_confusion(self) -> None:
        """Show the confusion matrix."""
        self.predict().plot_confusion()

    def plot_mistakes(self, count: int = 12) -> None:
        """Show the wrong predictions with the highest confidence."""
        self.predict().plot_mistakes(count)
