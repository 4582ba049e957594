"""What a trained network gets wrong: which class it takes for which, and the mistakes it was surest of."""

from dataclasses import dataclass

import torch
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

import plots
from utils import CLASSES, to_picture

_SHADES = LinearSegmentedColormap.from_list("shades", [plots.PAPER, plots.SERIES[0]["color"]])


@dataclass(frozen=True)
class Predictions:
    """A network's answers to a data set.

    Args:
        dataset: item i is (image, label).
        labels: the right classes, (N,).
        answers: the classes that the network names, (N,).
        confidence: the softmax probability of each answer, (N,).
        classes: how many there are.
    """

    dataset: Dataset
    labels: Tensor
    answers: Tensor
    confidence: Tensor
    classes: int

    @classmethod
    @torch.no_grad()
    def of(cls, net: nn.Module, loader: DataLoader, device: torch.device) -> "Predictions":
        """Ask the network, in eval mode, about every image of a loader that does not shuffle."""
        net.eval()
        found = []
        for images, labels in loader:
            probabilities = net(images.to(device)).float().softmax(dim=1).cpu()
            confidence, answers = probabilities.max(dim=1)
            found.append((labels, answers, confidence))
        labels, answers, confidence = (torch.cat(parts) for parts in zip(*found, strict=True))
        return cls(loader.dataset, labels, answers, confidence, probabilities.shape[1])

    @property
    def accuracy(self) -> float:
        """The share of right answers."""
        return (self.labels == self.answers).float().mean().item()

    @property
    def confusion(self) -> Tensor:
        """Counts, (classes, classes): row the right class, column the answer."""
        flat = torch.bincount(self.labels * self.classes + self.answers, minlength=self.classes**2)
        return flat.view(self.classes, self.classes)

    def worst_pairs(self, count: int = 3) -> list[tuple[str, str, int]]:
        """The commonest mistakes: (right class, answer, how often)."""
        wrong = self.confusion.clone().fill_diagonal_(0).flatten()
        top = wrong.argsort(descending=True, stable=True)[:count].tolist()
        return [(*map(self.name, divmod(i, self.classes)), int(wrong[i])) for i in top if wrong[i]]

    def surest_mistakes(self, count: int) -> list[int]:
        """Indices of wrong answers, the most confident first."""
        wrong = (self.labels != self.answers).nonzero().flatten()
        return wrong[self.confidence[wrong].argsort(descending=True, stable=True)][:count].tolist()

    def name(self, label: int) -> str:
        """A class's name, or its number where there are other than CIFAR-10's ten."""
        return CLASSES[label] if self.classes == len(CLASSES) else str(label)

    @plots.styled
    def draw_confusion(self) -> Figure:
        """The matrix with its counts; the shade of a cell is its share of the row."""
        figure, (axis,) = plots.new_figure(size=(6.4, 5.8))
        counts = self.confusion
        shares = counts / counts.sum(dim=1, keepdim=True).clamp(min=1)
        axis.imshow(shares.numpy(), cmap=_SHADES, vmin=0, vmax=1)
        for row in range(self.classes):
            for column in range(self.classes):
                color = "white" if shares[row, column] > 0.6 else plots.INK
                axis.text(column, row, int(counts[row, column]), ha="center", va="center", fontsize=8, color=color)
        names = [self.name(label) for label in range(self.classes)]
        axis.set_xticks(range(self.classes), names, rotation=45, ha="right")
        axis.set_yticks(range(self.classes), names)
        axis.set(xlabel="answer of the network", ylabel="right class")
        return figure

    def plot_confusion(self) -> None:
        """Show the matrix."""
        pairs = "; ".join(f"{right} taken for {answer} ({times} times)" for right, answer, times in self.worst_pairs())
        commonest = f" The commonest mistakes: {pairs}." if pairs else ""
        caption = f"{self.accuracy:.1%} of {len(self.labels):,} test images are right.{commonest}"
        plots.show(self.draw_confusion(), caption)

    @plots.styled
    def draw_mistakes(self, count: int = 12) -> Figure:
        """The images with both names and the confidence."""
        chosen = self.surest_mistakes(count)
        columns = min(6, len(chosen))
        rows = -(-len(chosen) // columns)
        figure, axes = plots.new_figure(rows, columns, size=(1.7 * columns, 2.1 * rows))
        for axis in axes:
            axis.axis("off")
        for axis, i in zip(axes, chosen, strict=False):
            axis.imshow(to_picture(self.dataset[i][0]).numpy())
            right, answer = self.name(int(self.labels[i])), self.name(int(self.answers[i]))
            axis.set_title(f"is: {right}\nsays: {answer}\n{self.confidence[i]:.0%} sure", fontsize=8, loc="left")
        return figure

    def plot_mistakes(self, count: int = 12) -> None:
        """Show the wrong answers that the network was surest of."""
        chosen = self.surest_mistakes(count)
        if not chosen:
            print(f"All {len(self.labels):,} test images are right: there is no mistake to show.")
            return
        parts = [
            f"{self.name(int(self.labels[i]))} taken for {self.name(int(self.answers[i]))} ({self.confidence[i]:.0%})"
            for i in chosen
        ]
        plots.show(self.draw_mistakes(count), f"The mistakes that the network is surest of: {'; '.join(parts)}.")
