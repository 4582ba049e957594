"""What a trained network predicts: the confusion matrix, and the wrong predictions with the highest confidence."""

from dataclasses import dataclass

import torch
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from lab import plots
from lab.messages import say
from utils import CLASSES, to_picture

_COLORMAP = LinearSegmentedColormap.from_list("paper to blue", [plots.PAPER, plots.STYLES["residual"]["color"]])


@dataclass(frozen=True)
class Predictions:
    """A network's predictions for a data set.

    Args:
        dataset: item i is (image, label).
        labels: the true classes, (N,).
        predicted: the predicted classes, (N,).
        confidence: the softmax probability of each predicted class, (N,).
        classes: number of classes.
    """

    dataset: Dataset
    labels: Tensor
    predicted: Tensor
    confidence: Tensor
    classes: int

    @classmethod
    @torch.no_grad()
    def of(cls, net: nn.Module, loader: DataLoader, device: torch.device) -> "Predictions":
        """Run the network in eval mode on every image of a loader that does not shuffle."""
        net.eval()
        batches = []
        for images, labels in loader:
            probabilities = net(images.to(device)).float().softmax(dim=1).cpu()
            confidence, predicted = probabilities.max(dim=1)
            batches.append((labels, predicted, confidence))
        labels, predicted, confidence = (torch.cat(parts) for parts in zip(*batches, strict=True))
        return cls(loader.dataset, labels, predicted, confidence, probabilities.shape[1])

    @property
    def accuracy(self) -> float:
        """The share of correct predictions, from 0 to 1."""
        return (self.labels == self.predicted).float().mean().item()

    @property
    def confusion(self) -> Tensor:
        """Counts (classes, classes): one row for each true class, one column for each predicted class."""
        flat = torch.bincount(self.labels * self.classes + self.predicted, minlength=self.classes**2)
        return flat.view(self.classes, self.classes)

    def most_confused(self, count: int = 3) -> list[tuple[str, str, int]]:
        """The most frequent mistakes: (true class, predicted class, how often)."""
        wrong = self.confusion.clone().fill_diagonal_(0).flatten()
        top = wrong.argsort(descending=True, stable=True)[:count].tolist()
        return [(*map(self.name, divmod(i, self.classes)), int(wrong[i])) for i in top if wrong[i]]

    def confident_mistakes(self, count: int) -> list[int]:
        """Indices of wrong predictions, the highest confidence first."""
        wrong = (self.labels != self.predicted).nonzero().flatten()
        return wrong[self.confidence[wrong].argsort(descending=True, stable=True)][:count].tolist()

    def name(self, label: int) -> str:
        """The name of a class; its number where the classes are not CIFAR-10's ten."""
        return CLASSES[label] if self.classes == len(CLASSES) else str(label)

    @plots.styled
    def draw_confusion(self) -> Figure:
        """The matrix with its counts; the darker a cell, the greater its share of the row."""
        figure, (axis,) = plots.new_figure(size=(6.4, 5.8))
        counts = self.confusion
        shares = counts / counts.sum(dim=1, keepdim=True).clamp(min=1)
        axis.imshow(shares.numpy(), cmap=_COLORMAP, vmin=0, vmax=1)
        for row in range(self.classes):
            for column in range(self.classes):
                color = "white" if shares[row, column] > 0.6 else plots.INK
                axis.text(column, row, int(counts[row, column]), ha="center", va="center", fontsize=8, color=color)
        names = [self.name(label) for label in range(self.classes)]
        axis.set_xticks(range(self.classes), names, rotation=45, ha="right")
        axis.set_yticks(range(self.classes), names)
        axis.set(xlabel="predicted class", ylabel="true class")
        return figure

    def plot_confusion(self) -> None:
        """Show the matrix."""
        pairs = "; ".join(f"{true} as {predicted} ({n} images)" for true, predicted, n in self.most_confused())
        frequent = f" The most frequent mistakes: {pairs}." if pairs else ""
        caption = f"{self.accuracy:.1%} of {len(self.labels):,} test images are classified correctly.{frequent}"
        plots.show(self.draw_confusion(), caption)

    @plots.styled
    def draw_mistakes(self, count: int = 12) -> Figure:
        """The images with true class, predicted class and confidence."""
        chosen = self.confident_mistakes(count)
        columns = min(6, len(chosen))
        rows = -(-len(chosen) // columns)
        figure, axes = plots.new_figure(rows, columns, size=(1.7 * columns, 2.1 * rows))
        for axis in axes:
            axis.axis("off")
        for axis, i in zip(axes, chosen, strict=False):
            axis.imshow(to_picture(self.dataset[i][0]).numpy())
            true, predicted = self.name(int(self.labels[i])), self.name(int(self.predicted[i]))
            title = f"true: {true}\npredicted: {predicted}\nconfidence: {self.confidence[i]:.0%}"
            axis.set_title(title, fontsize=8, loc="left")
        return figure

    def plot_mistakes(self, count: int = 12) -> None:
        """Show the wrong predictions with the highest confidence."""
        chosen = self.confident_mistakes(count)
        if not chosen:
            say(f"All {len(self.labels):,} test images are classified correctly: there is no mistake to show.")
            return
        parts = [
            f"{self.name(int(self.labels[i]))} as {self.name(int(self.predicted[i]))} ({self.confidence[i]:.0%})"
            for i in chosen
        ]
        plots.show(self.draw_mistakes(count), f"The mistakes with the highest confidence: {'; '.join(parts)}.")
