"""Training that can be interrupted at any time and resumed: `Trainer` with checkpoints and a handler for Ctrl-C."""

import signal
import threading
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader

from lab import batches, plots, progress
from lab.checkpoints import Checkpoint, UnusableCheckpoint
from lab.device import best_device
from lab.messages import say
from lab.result import TrainingResult
from lab.trainer import LEARNING_RATE, MOMENTUM, WEIGHT_DECAY, Trainer

QUICK_IMAGES, QUICK_TEST_IMAGES, QUICK_BATCH = 2048, 1000, 32
SAVE_SECONDS = 300
"""Within an epoch a checkpoint is saved this often: a kernel that dies loses five minutes at most."""
STATEFUL = ("means", "optimizer", "scheduler", "scaler")
"""Attributes of a `Trainer` that have a `state_dict`."""


def train(
    net: nn.Module,
    train_loader: DataLoader,
    test_loader: DataLoader,
    *,
    epochs: int = 3,
    quick: bool = False,
    checkpoint: str | Path = "training.pt",
    fresh: bool = False,
    device: torch.device | str | None = None,
    seed: int = 0,
) -> TrainingResult:
    """Train `net` as `lab.trainer.Trainer` does, and save checkpoints from which the same call resumes.

    A checkpoint is saved after each epoch, every five minutes, and on an interruption (Ctrl-C, or the notebook's stop
    button). A resumed training gives the same numbers as one that was never interrupted. A checkpoint that does not
    fit is renamed, never overwritten.

    Args:
        net, train_loader, test_loader, seed: see `lab.trainer.Trainer`.
        epochs: number of epochs in all, including those of earlier calls.
        quick: use a few thousand images and a learning rate that rises and falls once, for a laptop without a GPU.
        checkpoint: file to resume from and to save to.
        fresh: start from the beginning, and replace the checkpoint.
        device: by default CUDA if there is one, else MPS, else the CPU.
    """
    if quick:
        train_loader = batches.take(train_loader, QUICK_IMAGES, QUICK_BATCH)
        test_loader = batches.take(test_loader, QUICK_TEST_IMAGES, test_loader.batch_size)
        say(
            f"Quick mode: {len(train_loader.dataset):,} training and {len(test_loader.dataset):,} test images, a "
            "learning rate that rises and falls once. It shows that the network learns, not how well it could: expect "
            "far less accuracy than from all images."
        )
    device = torch.device(device) if device else best_device()
    trainer = ResumableTrainer(net, train_loader, test_loader, epochs=epochs, device=device, quick=quick, seed=seed)
    finished = trainer.run(checkpoint, fresh)
    return TrainingResult(net, trainer.history, finished, test_loader.dataset, device)


class StopTraining(Exception):
    """Ends the training between two batches."""


class ResumableTrainer(Trainer):
    """A `Trainer` whose whole state can be saved and loaded between any two batches."""

    def run(self, path: str | Path, fresh: bool = False) -> bool:
        """Resume from the checkpoint at `path` unless `fresh`, and train; returns whether all epochs are done."""
        self._checkpoint = Checkpoint(path, self.recipe())
        self._figure = plots.LiveFigure()
        if not fresh:
            self._resume()
        self._saved_at = time.monotonic()
        with InterruptHandler() as self._interrupt:
            try:
                return self._fit_or_save()
            except KeyboardInterrupt:
                path = self._checkpoint.path
                say(f"Stopped at once. {path} holds the state that was saved last; the same call goes on from there.")
                return False

    def _fit_or_save(self) -> bool:
        try:
            self.fit()
            return True
        except StopTraining:
            if self._save():
                path = self._checkpoint.path
                say(f"Interrupted in {self.position}; saved in {path}. The same call goes on from there.")
            return False

    def after_batch(self) -> None:
        """Stop if Ctrl-C was pressed, and save from time to time."""
        if self._interrupt.requested:
            raise StopTraining
        if time.monotonic() - self._saved_at > SAVE_SECONDS:
            self._save()

    def after_epoch(self) -> None:
        """Save, print the results, and draw the curves."""
        self._save()
        results = progress.describe(self.history[-1])
        say(f"epoch {len(self.history)}: {results}")
        self._figure.update(plots.draw_curves(self.history), f"Loss and accuracy by epoch; the last: {results}.")

    @property
    def position(self) -> str:
        """The epoch and the batch that come next, as text."""
        return f"epoch {len(self.history) + 1}, after batch {self.step} of {self.steps}"

    def recipe(self) -> dict[str, Any]:
        """What must be the same when a training resumes."""
        recipe = {
            "images": len(self.train_loader.dataset),
            "test images": len(self.test_loader.dataset),
            "batch": self.train_loader.batch_size,
            "seed": self.seed,
            "quick": self.quick,
            "learning rate": LEARNING_RATE,
            "momentum": MOMENTUM,
            "weight decay": WEIGHT_DECAY,
        }
        # Only the quick learning rate depends on the number of epochs.
        return recipe | ({"epochs": self.epochs} if self.quick else {})

    def state_dict(self) -> dict[str, Any]:
        """Everything but the weights of the network; tensors and plain values only."""
        cuda = self.device.type == "cuda"
        return {name: getattr(self, name).state_dict() for name in STATEFUL} | {
            "history": [list(epoch) for epoch in self.history],
            "step": self.step,
            "random": torch.get_rng_state(),
            "cuda random": torch.cuda.get_rng_state(self.device) if cuda else None,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a state that `state_dict` returned."""
        self.history = [progress.Epoch(*values) for values in state["history"]]
        self.step = state["step"]
        for name in STATEFUL:
            if state[name]:  # the state of a disabled GradScaler is empty
                getattr(self, name).load_state_dict(state[name])
        torch.set_rng_state(state["random"])
        if self.device.type == "cuda" and state["cuda random"] is not None:
            torch.cuda.set_rng_state(state["cuda random"], self.device)

    def _save(self) -> bool:
        saved = self._checkpoint.save(self.net, self.state_dict())
        self._saved_at = time.monotonic()
        return saved

    def _resume(self) -> None:
        checkpoint = self._checkpoint
        try:
            state = checkpoint.load(self.net)
        except UnusableCheckpoint as problem:
            aside = checkpoint.set_aside()
            kept = f"It is kept as {aside}" if aside else "It stays where it is, and nothing can be saved"
            say(f"{checkpoint.path} does not fit: {problem}. {kept}; training starts afresh.")
            return
        if state is None:
            return
        self.load_state_dict(state)
        afresh = "To start afresh, pass fresh=True."
        if len(self.history) >= self.epochs:
            done = f"{checkpoint.path} has all {self.epochs} epochs: nothing to do."
            say(f"{done} For more, raise `epochs`. {afresh}")
        else:
            say(f"Going on from {checkpoint.path}: {self.position}. {afresh}")


class InterruptHandler:
    """Records the first Ctrl-C, so that the current batch is completed; a second one raises KeyboardInterrupt."""

    def __init__(self) -> None:
        self.requested = False

    def __enter__(self) -> "InterruptHandler":
        self._in_main = threading.current_thread() is threading.main_thread()
        if self._in_main:  # Python handles signals in the main thread only
            self._previous = signal.signal(signal.SIGINT, self._request)
        return self

    def _request(self, *_: object) -> None:
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True

    def __exit__(self, *_: object) -> None:
        if self._in_main:
            signal.signal(signal.SIGINT, self._previous or signal.SIG_DFL)
