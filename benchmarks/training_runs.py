"""Trainings as the grader does them, measured. Results can be stored, so that no training is repeated."""

import dataclasses
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from autograder.training.cifar10 import Cifar10
from autograder.training.heldout import Exam
from autograder.training.inside.fit import Progress, Recipe, fit, predict
from autograder.training.inside.precision import Way
from benchmarks.training_networks import builder

EXAMS = 2**64
"""Seeds of exams start here, so that they differ from the seeds of networks."""


@dataclass(frozen=True)
class Run:
    """The result of a training.

    `seconds` are those of a clock, `core_seconds` those of the process on all cores. `error` is the exception of the
    network, if any; its accuracy is 0 then.
    """

    network: str
    seed: int
    accuracy: float
    seconds: float
    error: str = ""
    core_seconds: float = 0.0


class Runs:
    """Stored trainings. Each is written as soon as it ends.

    Args:
        file: one run per line; None to store nothing.
        circumstances: recipe, data and hardware; runs under other circumstances are not used.
    """

    def __init__(self, file: Path | None, **circumstances: str):
        self._file, self._circumstances = file, circumstances
        lines = file.read_text(encoding="utf-8").splitlines() if file and file.exists() else []
        kept = [json.loads(line) for line in lines]
        self._runs = [Run(**entry["run"]) for entry in kept if entry["circumstances"] == circumstances]

    def get(self, name: str, seed: int, make: Callable[[], Run]) -> Run:
        """Return the stored run of this network and seed, or make it."""
        for done in self._runs:
            if (done.network, done.seed) == (name, seed):
                return done
        done = make()
        self._runs.append(done)
        if self._file:
            entry = {"circumstances": self._circumstances, "run": dataclasses.asdict(done)}
            with self._file.open("a", encoding="utf-8") as file:
                file.write(json.dumps(entry) + "\n")
        return done


def run(name: str, data: Cifar10, recipe: Recipe, device: torch.device, seed: int) -> Run:
    """Draw an exam, build the network, train it and measure its accuracy; the seconds are those of the training."""
    exam = Exam.draw(data, EXAMS + seed, recipe.heldout)
    with builder(name) as build:
        start, cores = time.perf_counter(), time.process_time()
        try:
            net, way = _train(build, exam, recipe, device, seed)
            seconds, cores = time.perf_counter() - start, time.process_time() - cores
            accuracy = exam.accuracy(predict(net, exam.heldout_images, way, device=device))
        except Exception as error:  # an incorrect network may raise anything
            return Run(name, seed, 0.0, time.perf_counter() - start, f"{type(error).__name__}: {error}".split("\n")[0])
    return Run(name, seed, accuracy, seconds, core_seconds=cores)


def watch(name: str, data: Cifar10, recipe: Recipe, device: torch.device, seed: int) -> list[tuple[float, float]]:
    """Return training accuracy and held-out accuracy after each epoch of one training."""
    exam, curve = Exam.draw(data, EXAMS + seed, recipe.heldout), []

    def look(progress: Progress) -> None:
        if progress.step * progress.epochs == progress.steps * progress.epoch:  # the end of an epoch
            curve.append((progress.accuracy, exam.accuracy(predict(net, exam.heldout_images, device=device))))
            net.train()

    with builder(name) as build:
        torch.manual_seed(seed)
        net = build()
        fit(net, exam.train_images, exam.train_labels, recipe, device=device, seed=seed, progress=look)
    return curve


def _train(
    build: Callable[[], nn.Module], exam: Exam, recipe: Recipe, device: torch.device, seed: int
) -> tuple[nn.Module, Way]:
    torch.manual_seed(seed)
    net = build()
    way = fit(net, exam.train_images, exam.train_labels, recipe, device=device, seed=seed)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return net, way
