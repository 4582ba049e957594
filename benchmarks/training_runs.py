"""One training as the grader does it, measured."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import nn

from autograder.heldout import Cifar10, Exam
from autograder.training import Progress, Recipe, fit, predict
from benchmarks.training_networks import builder

EXAMS = 2**64
"""Seeds of examinations start here, apart from those of networks."""


@dataclass(frozen=True)
class Run:
    """A training and what came of it; `error` says what the network raised, its accuracy is 0 then."""

    network: str
    seed: int
    accuracy: float
    seconds: float
    error: str = ""


def run(name: str, data: Cifar10, recipe: Recipe, device: torch.device, seed: int) -> Run:
    """Draw an examination, build the network, train and examine it; `seconds` are those of the training."""
    exam = Exam.draw(data, EXAMS + seed)
    with builder(name) as build:
        start = time.perf_counter()
        try:
            net = _train(build, exam, recipe, device, seed)
            seconds = time.perf_counter() - start
            accuracy = exam.accuracy(predict(net, exam.heldout_images, device=device))
        except Exception as error:  # whatever a wrong network does
            return Run(name, seed, 0.0, time.perf_counter() - start, f"{type(error).__name__}: {error}".split("\n")[0])
    return Run(name, seed, accuracy, seconds)


def watch(name: str, data: Cifar10, recipe: Recipe, device: torch.device, seed: int) -> list[tuple[float, float]]:
    """Training accuracy and held-out accuracy after each epoch of one training."""
    exam, curve = Exam.draw(data, EXAMS + seed), []

    def look(progress: Progress) -> None:
        if progress.step * progress.epochs == progress.steps * progress.epoch:  # the end of an epoch
            curve.append((progress.accuracy, exam.accuracy(predict(net, exam.heldout_images, device=device))))
            net.train()

    with builder(name) as build:
        torch.manual_seed(seed)
        net = build()
        fit(net, exam.train_images, exam.train_labels, recipe, device=device, seed=seed, progress=look)
    return curve


def _train(build: Callable[[], nn.Module], exam: Exam, recipe: Recipe, device: torch.device, seed: int) -> nn.Module:
    torch.manual_seed(seed)
    net = build()
    fit(net, exam.train_images, exam.train_labels, recipe, device=device, seed=seed)
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return net
