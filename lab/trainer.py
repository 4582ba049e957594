"""The training loop: cross-entropy loss, SGD with momentum, and a learning rate that falls along a cosine.

Start reading at `Trainer.fit`. `lab/resumable.py` adds checkpoints and what happens on Ctrl-C.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.lr_scheduler import CosineAnnealingLR, OneCycleLR
from torch.utils.data import DataLoader

from lab import batches
from lab.device import fastest_memory_format, half_precision
from lab.progress import Epoch, ProgressBar, RunningMeans

LEARNING_RATE, MOMENTUM, WEIGHT_DECAY, COSINE_EPOCHS = 0.1, 0.9, 5e-4, 200


class Trainer:
    """Trains a network that classifies images.

    Args:
        net: returns logits (N, classes) for images (N, 3, 32, 32); it is moved to `device`.
        train_loader: its data set, batch size and workers are used; the order of the images comes from `seed`.
        test_loader: the network is tested on it after each epoch.
        epochs: number of epochs to train.
        device: where to compute; in mixed precision where the hardware has it.
        quick: for a short training: the learning rate rises and falls once within `epochs` epochs.
        seed: for the order of the images, random transforms, and dropout.
    """

    def __init__(
        self,
        net: nn.Module,
        train_loader: DataLoader,
        test_loader: DataLoader,
        *,
        epochs: int,
        device: torch.device,
        quick: bool = False,
        seed: int = 0,
    ):
        self.train_loader, self.test_loader = train_loader, test_loader
        self.epochs, self.device, self.quick, self.seed = epochs, device, quick, seed
        self.memory_format = fastest_memory_format(net.to(device), device)
        self.net = net.to(memory_format=self.memory_format)
        self.optimizer = torch.optim.SGD(net.parameters(), LEARNING_RATE, MOMENTUM, weight_decay=WEIGHT_DECAY)
        self.steps = batches.count(train_loader)
        if quick:  # changes with each batch
            total = max(1, epochs * self.steps)
            self.scheduler = OneCycleLR(self.optimizer, LEARNING_RATE, total_steps=total, cycle_momentum=False)
        else:  # changes with each epoch
            self.scheduler = CosineAnnealingLR(self.optimizer, T_max=COSINE_EPOCHS)
        self.half = half_precision(device)
        self.scaler = torch.amp.GradScaler(enabled=self.half is torch.float16)
        torch.manual_seed(seed)
        self.history: list[Epoch] = []
        self.step = 0  # batches of the current epoch that are done
        self.means = RunningMeans(device)  # over the images of the current epoch

    def fit(self) -> None:
        """Train until `epochs` epochs are done."""
        while len(self.history) < self.epochs:
            self.train_epoch()
            test_loss, test_accuracy = self.evaluate()
            self.history.append(Epoch(*self.means.compute(), test_loss, test_accuracy))
            self.step, self.means = 0, RunningMeans(self.device)
            self.after_epoch()

    def train_epoch(self) -> None:
        """Train on the batches of the current epoch, from batch `step` on."""
        epoch = len(self.history)
        self.net.train()
        bar = ProgressBar(f"epoch {epoch + 1}/{self.epochs}", len(self.train_loader.dataset), self.means)
        with bar, batches.shuffled(self.train_loader, self.seed, epoch, self.step) as train_batches:
            for images, labels in train_batches:
                self.train_step(images, labels)
                bar.show_means()
                self.after_batch()

    def train_step(self, images: Tensor, labels: Tensor) -> None:
        """One step of SGD on a batch: images (N, 3, 32, 32), labels (N,)."""
        self.optimizer.zero_grad()
        loss = self.compute_loss(images, labels, self.means)
        self.scaler.scale(loss).backward()  # float16 gradients would vanish; other types are not scaled
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.step += 1
        if self.quick or self.step == self.steps:
            self.scheduler.step()

    @torch.no_grad()
    def evaluate(self) -> tuple[float, float]:
        """(mean loss, accuracy) on the test images."""
        means = RunningMeans(self.device)
        self.net.eval()
        bar = ProgressBar("testing", len(self.test_loader.dataset), means)
        with bar, batches.in_order(self.test_loader) as test_batches:
            for images, labels in test_batches:
                self.compute_loss(images, labels, means)
                bar.show_means()
                self.after_batch()
        return means.compute()

    def compute_loss(self, images: Tensor, labels: Tensor, means: RunningMeans) -> Tensor:
        """The mean cross-entropy of a batch, a scalar; it is also added to `means`."""
        images = images.to(self.device, non_blocking=True, memory_format=self.memory_format)
        labels = labels.to(self.device, non_blocking=True)
        with torch.autocast(self.device.type, self.half, enabled=self.half is not None):
            logits = self.net(images)
            loss = F.cross_entropy(logits.float(), labels)
        means.add(loss, logits, labels)
        return loss

    def after_batch(self) -> None:
        """Called after each training and test batch; does nothing here."""

    def after_epoch(self) -> None:
        """Called after each epoch; does nothing here."""
