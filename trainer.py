"""Training that can be watched, interrupted at any time, and taken up again as if nothing had happened."""

import contextlib
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset, Subset
from tqdm.auto import tqdm

import plots
from checkpoints import Checkpoint, Unusable
from mistakes import Predictions

LEARNING_RATE, MOMENTUM, WEIGHT_DECAY = 0.1, 0.9, 5e-4
COSINE_EPOCHS = 200
QUICK_IMAGES, QUICK_TEST_IMAGES, QUICK_BATCH = 4096, 1000, 64
SAVE_SECONDS = 300
"""Within an epoch the state is saved this often: a kernel that dies costs five minutes at most."""


class Epoch(NamedTuple):
    """One epoch's figures: means over the training images while they were learnt, and over the test images after."""

    train_loss: float
    train_accuracy: float
    test_loss: float
    test_accuracy: float


@dataclass
class Training:
    """What `train` returns: the history so far, and pictures of what the network gets wrong."""

    net: nn.Module
    history: list[Epoch]
    finished: bool
    test_set: Dataset
    device: torch.device
    _predictions: Predictions | None = None

    def predict(self) -> Predictions:
        """What the network says about each test image; computed once."""
        if self._predictions is None:
            loader = DataLoader(self.test_set, batch_size=100)
            self._predictions = Predictions.of(self.net, loader, self.device)
        return self._predictions

    def plot_curves(self) -> None:
        """Show loss and accuracy of each epoch."""
        if self.history:
            plots.show(
                plots.draw_curves(self.history), f"After {len(self.history)} epochs: {describe(self.history[-1])}."
            )
        else:
            print("No epoch is finished yet, so there is no curve to draw.")

    def plot_confusion(self) -> None:
        """Show which class is taken for which."""
        self.predict().plot_confusion()

    def plot_mistakes(self, count: int = 12) -> None:
        """Show the wrong answers that the network was surest of."""
        self.predict().plot_mistakes(count)


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
) -> Training:
    """Train `net` with cross-entropy and SGD, the learning rate falling along a cosine over 200 epochs.

    The state is saved after each epoch, every five minutes, and when you interrupt (Ctrl-C, or the notebook's stop
    button). The same call goes on from there, with the same numbers as if it had never stopped. A checkpoint that does
    not fit is renamed, never overwritten. On CUDA it computes in mixed precision.

    Args:
        net: returns logits for (N, 3, 32, 32) images; it ends up on `device`.
        train_loader: its data set, batch size and workers are used; the order comes from `seed`.
        test_loader: evaluated after each epoch.
        epochs: to reach in all, those of earlier calls included.
        quick: a few thousand images and a learning rate that rises and falls once, for a laptop without GPU.
        checkpoint: file to save to and to go on from.
        fresh: start over, and replace the checkpoint.
        device: CUDA if there is one, else MPS, else the CPU.
        seed: of the order of the images, of random transforms, and of what the network draws.
    """
    job = _Job(net, train_loader, test_loader, epochs, quick, torch.device(device) if device else best_device(), seed)
    store = Checkpoint(checkpoint, job.recipe)
    if quick:
        print(
            f"Quick mode: {len(job.train_set):,} training and {len(job.test_set):,} test images, a learning rate that "
            "rises and falls once. It shows that the network learns, not how well it could: expect far less accuracy "
            "than from all images, and one or two points of luck either way."
        )
    if not fresh:
        _resume(job, store)
    with _Interrupt() as interrupt:
        try:
            finished = _run(job, store, interrupt)
        except KeyboardInterrupt:
            finished = False
            print(
                f"Stopped at once. {store.path} holds the state that was saved last; the same call goes on from there."
            )
    return Training(net, job.history, finished, job.test_set, job.device)


def best_device() -> torch.device:
    """CUDA if there is one, else Apple's MPS, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def describe(epoch: Epoch) -> str:
    """An epoch's figures in words."""
    return (
        f"training loss {epoch.train_loss:.3f}, accuracy {epoch.train_accuracy:.1%}; "
        f"test loss {epoch.test_loss:.3f}, accuracy {epoch.test_accuracy:.1%}"
    )


def _resume(job: "_Job", store: Checkpoint) -> None:
    try:
        state = store.load(job.net)
    except Unusable as problem:
        aside = store.set_aside()
        kept = f"It is kept as {aside}" if aside else "It stays where it is, and nothing can be saved"
        print(f"{store.path} does not fit: {problem}. {kept}; training starts afresh.")
        return
    if state is None:
        return
    job.load_state(state)
    afresh = "To start afresh, pass fresh=True."
    if len(job.history) >= job.epochs:
        print(f"{store.path} has all {job.epochs} epochs: nothing to do. For more, raise `epochs`. {afresh}")
    else:
        print(f"Going on from {store.path}: {job.position}. {afresh}")


def _run(job: "_Job", store: Checkpoint, interrupt: "_Interrupt") -> bool:
    """Train to the end, or until an interruption is asked for; returns whether it is the end."""
    live = plots.LiveFigure()
    saved = time.monotonic()
    while len(job.history) < job.epochs:
        steps = job.epoch_in_steps()
        for _ in steps:
            if interrupt.asked:
                steps.close()  # takes its progress bar away
                if store.save(job.net, job.state()):
                    print(f"Interrupted in {job.position}; saved in {store.path}. The same call goes on from there.")
                return False
            if time.monotonic() - saved > SAVE_SECONDS:
                store.save(job.net, job.state())
                saved = time.monotonic()
        store.save(job.net, job.state())
        saved = time.monotonic()
        line = describe(job.history[-1])
        print(f"epoch {len(job.history)}: {line}")
        live.update(plots.draw_curves(job.history), f"Loss and accuracy by epoch; the last: {line}.")
    return True


class _Interrupt:
    """Makes of the first Ctrl-C a wish, so that no step is cut in two; a second one stops at once."""

    def __init__(self) -> None:
        self.asked = False

    def __enter__(self) -> "_Interrupt":
        self._in_main = threading.current_thread() is threading.main_thread()
        if self._in_main:  # Python lets no other thread handle signals
            self._before = signal.signal(signal.SIGINT, self._ask)
        return self

    def _ask(self, *_: object) -> None:
        if self.asked:
            raise KeyboardInterrupt
        self.asked = True

    def __exit__(self, *_: object) -> None:
        if self._in_main:
            signal.signal(signal.SIGINT, self._before or signal.SIG_DFL)


class _Job:
    """The state of a training: everything that the next step depends on can be saved and loaded."""

    def __init__(
        self,
        net: nn.Module,
        train_loader: DataLoader,
        test_loader: DataLoader,
        epochs: int,
        quick: bool,
        device: torch.device,
        seed: int,
    ):
        self.net, self.epochs, self.quick, self.device, self.seed = net, epochs, quick, device, seed
        self.train_set, self.test_set = train_loader.dataset, test_loader.dataset
        batch = train_loader.batch_size
        if quick:
            self.train_set = _sample(self.train_set, QUICK_IMAGES)
            self.test_set = _sample(self.test_set, QUICK_TEST_IMAGES)
            batch = min(batch, QUICK_BATCH)
        self.train_loader, self.test_loader, self.batch = train_loader, test_loader, batch
        self.history: list[Epoch] = []
        self.step = 0
        """Batches of the current epoch that are done."""
        self.sums = self._zeros()
        """Over the images of this epoch so far: sum of the losses, right answers."""

        net.to(device)
        self.cuda = device.type == "cuda"
        self.layout = _fastest_layout(net, device)
        net.to(memory_format=self.layout)
        self.half = torch.bfloat16 if self.cuda and torch.cuda.is_bf16_supported(False) else torch.float16
        self.scaler = torch.amp.GradScaler(enabled=self.cuda and self.half is torch.float16)
        self.optimizer = torch.optim.SGD(
            net.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM, weight_decay=WEIGHT_DECAY
        )
        if quick:
            steps = max(1, epochs * self.steps)
            self.scheduler = torch.optim.lr_scheduler.OneCycleLR(
                self.optimizer, LEARNING_RATE, total_steps=steps, cycle_momentum=False
            )
        else:
            self.scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(self.optimizer, T_max=COSINE_EPOCHS)
        torch.manual_seed(seed)  # dropout, should the network have any

    @property
    def recipe(self) -> dict[str, Any]:
        """What must not change between two calls for the second to go on where the first stopped."""
        recipe = {
            "images": len(self.train_set),
            "test images": len(self.test_set),
            "batch": self.batch,
            "seed": self.seed,
            "quick": self.quick,
            "learning rate": LEARNING_RATE,
            "momentum": MOMENTUM,
            "weight decay": WEIGHT_DECAY,
        }
        # The full recipe's learning rate does not depend on where the training ends; the quick one's does.
        return recipe | ({"epochs": self.epochs} if self.quick else {})

    @property
    def steps(self) -> int:
        """Batches in an epoch."""
        full, rest = divmod(len(self.train_set), self.batch)
        return full + bool(rest and not self.train_loader.drop_last)

    @property
    def position(self) -> str:
        """Where the training stands, in words."""
        return f"epoch {len(self.history) + 1}, after batch {self.step} of {self.steps}"

    def epoch_in_steps(self) -> Iterator[None]:
        """Do the rest of the current epoch, training and test; after each yield the state may be saved.

        What is yielded after a test batch is the state before the test, which is short and is done again.
        """
        yield from self._train()
        sums = self._zeros()
        for _ in self._test(sums):
            yield
        (loss, right), seen = self.sums.tolist(), self._seen(self.steps)
        test_loss, test_right = sums.tolist()
        tested = len(self.test_set)
        self.history.append(Epoch(loss / seen, right / seen, test_loss / tested, test_right / tested))
        self.step, self.sums = 0, self._zeros()

    def _train(self) -> Iterator[None]:
        epoch = len(self.history)
        order = torch.randperm(len(self.train_set), generator=_generator(self.seed, epoch)).split(self.batch)
        batches = [indices.tolist() for indices in order[self.step : self.steps]]
        loader = self._loader(_SeededItems(self.train_set, self.seed, epoch), self.train_loader, batches)
        self.net.train()
        with self._bar(f"epoch {epoch + 1}/{self.epochs}", len(self.train_set), self._seen(self.step)) as show:
            for images, labels in _batches(loader):
                self._learn(images, labels)
                self.step += 1
                show(len(labels), self.sums, self._seen(self.step))
                yield

    def _learn(self, images: Tensor, labels: Tensor) -> None:
        """One step of SGD."""
        images, labels = self._to_device(images), labels.to(self.device, non_blocking=True)
        self.optimizer.zero_grad()
        with self._precision():
            logits = self.net(images)
            loss = F.cross_entropy(logits.float(), labels)
        self.scaler.scale(loss).backward()
        self.scaler.step(self.optimizer)
        self.scaler.update()
        if self.quick or self.step + 1 == self.steps:
            self.scheduler.step()
        self._count(self.sums, loss.detach(), logits.detach(), labels)

    def _test(self, sums: Tensor) -> Iterator[None]:
        order = torch.arange(len(self.test_set)).split(self.test_loader.batch_size)
        loader = self._loader(self.test_set, self.test_loader, [indices.tolist() for indices in order])
        self.net.eval()
        with self._bar("testing", len(self.test_set), 0) as show:
            seen = 0
            for images, labels in _batches(loader):
                with torch.no_grad(), self._precision():
                    images, labels = self._to_device(images), labels.to(self.device, non_blocking=True)
                    logits = self.net(images)
                    self._count(sums, F.cross_entropy(logits.float(), labels), logits, labels)
                seen += len(labels)
                show(len(labels), sums, seen)
                yield

    def state(self) -> dict[str, Any]:
        """All but the network's weights; tensors and plain values only."""
        return {
            "history": [list(epoch) for epoch in self.history],
            "step": self.step,
            "sums": self.sums.tolist(),
            "optimizer": self.optimizer.state_dict(),
            "scheduler": self.scheduler.state_dict(),
            "scaler": self.scaler.state_dict(),
            "random": torch.get_rng_state(),
            "cuda random": torch.cuda.get_rng_state(self.device) if self.cuda else None,
        }

    def load_state(self, state: dict[str, Any]) -> None:
        """Go back to a state that `state` returned."""
        self.history = [Epoch(*values) for values in state["history"]]
        self.step = state["step"]
        self.sums = self._zeros() + torch.tensor(state["sums"], dtype=self.sums.dtype, device=self.device)
        self.optimizer.load_state_dict(state["optimizer"])
        self.scheduler.load_state_dict(state["scheduler"])
        if self.scaler.is_enabled() and state["scaler"]:
            self.scaler.load_state_dict(state["scaler"])
        torch.set_rng_state(state["random"])
        if self.cuda and state["cuda random"] is not None:
            torch.cuda.set_rng_state(state["cuda random"], self.device)

    def _loader(self, dataset: Dataset, like: DataLoader, batches: list[list[int]]) -> DataLoader:
        return DataLoader(
            dataset,
            batch_sampler=batches,
            num_workers=like.num_workers,
            collate_fn=like.collate_fn,
            pin_memory=self.cuda,
            worker_init_fn=_ignore_interrupts,
            generator=_generator(self.seed, 0),  # or it would draw from the network's random numbers
        )

    @contextlib.contextmanager
    def _bar(self, what: str, total: int, done: int) -> Iterator[Any]:
        """A progress bar over images; yields a function that moves it. Reads the device's sums twice a second."""
        with tqdm(total=total, initial=done, unit=" images", desc=what, leave=False, mininterval=0.5) as bar:
            shown = 0.0

            def show(count: int, sums: Tensor, seen: int) -> None:
                nonlocal shown
                if time.monotonic() - shown > 0.5:
                    shown = time.monotonic()
                    loss, right = sums.tolist()
                    bar.set_postfix(loss=f"{loss / seen:.3f}", accuracy=f"{right / seen:.1%}", refresh=False)
                bar.update(count)

            yield show

    def _seen(self, steps: int) -> int:
        """Images in the first `steps` batches of an epoch."""
        return min(steps * self.batch, len(self.train_set))

    def _to_device(self, images: Tensor) -> Tensor:
        return images.to(self.device, non_blocking=True, memory_format=self.layout)

    def _precision(self) -> contextlib.AbstractContextManager:
        return torch.autocast("cuda", self.half) if self.cuda else contextlib.nullcontext()

    def _zeros(self) -> Tensor:
        dtype = torch.float32 if self.device.type == "mps" else torch.float64  # MPS has no float64
        return torch.zeros(2, dtype=dtype, device=self.device)

    @staticmethod
    def _count(sums: Tensor, loss: Tensor, logits: Tensor, labels: Tensor) -> None:
        """Add a batch's sum of losses and number of right answers, without waiting for the device."""
        sums += torch.stack([loss.to(sums.dtype) * len(labels), (logits.argmax(dim=1) == labels).sum().to(sums.dtype)])


class _SeededItems(Dataset):
    """Draws each item's random transforms from seed, epoch and index alone, whichever process asks, and when."""

    def __init__(self, dataset: Dataset, seed: int, epoch: int):
        self._dataset, self._seed, self._epoch = dataset, seed, epoch

    def __len__(self) -> int:
        return len(self._dataset)

    def __getitem__(self, index: int):
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed((self._seed * 1000 + self._epoch) * 10_000_000 + index)
            return self._dataset[index]


def _sample(dataset: Dataset, count: int) -> Dataset:
    """`count` items, always the same ones, or all if there are fewer."""
    if len(dataset) <= count:
        return dataset
    return Subset(dataset, torch.randperm(len(dataset), generator=torch.Generator().manual_seed(0))[:count].tolist())


def _fastest_layout(net: nn.Module, device: torch.device) -> torch.memory_format:
    """Channels last where convolutions like it, unless the network reshapes (`view`) in a way that it forbids."""
    if device.type == "mps":
        return torch.preserve_format
    picture = torch.zeros(2, 3, 32, 32, device=device).to(memory_format=torch.channels_last)
    training = net.training
    try:
        with torch.no_grad():
            net.eval()(picture)
    except RuntimeError:
        return torch.preserve_format
    finally:
        net.train(training)
    return torch.channels_last


def _generator(seed: int, epoch: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed * 1000 + epoch)


def _batches(loader: DataLoader) -> Iterator[tuple[Tensor, Tensor]]:
    """The loader's batches. Its workers end with them, in good order or not, without a trace from `__del__`."""
    iterator = iter(loader)
    try:
        yield from iterator
    finally:
        with contextlib.suppress(RuntimeError):  # a worker that was in the middle of something
            getattr(iterator, "_shutdown_workers", lambda: None)()


def _ignore_interrupts(_: int) -> None:
    """Ctrl-C reaches the loader's workers too; whether to stop is for the main process to say."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
