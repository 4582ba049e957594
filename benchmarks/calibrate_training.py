"""Measure the accuracy that a submission's training must reach: `python -m benchmarks.calibrate_training`.

It trains the solution and five other correct networks with many seeds, and five more once, as the grader does: with the
recipe of `autograder/training/calibration.json`, on changed held-out images. From the accuracies follows a threshold
that a correct network misses with negligible probability. Then it trains incorrect networks and shows which of them
miss the threshold. It prints the tables of docs/gpu.md; --write stores recipe and threshold in `calibration.json`.

On a GPU it measures the budget "full" with CIFAR-10 from --data or $CIFAR10_ROOT. On a CPU with --data it measures the
budget "short", which takes an hour or two. On a CPU without data it measures the budget "tiny" with generated images
and the solution alone, for tests. A run with fewer images is a trial and is never stored.

With --runs FILE an interrupted calibration continues when it is started again. With --against-tutorial it also measures
how long the notebook's own training takes to the same accuracy.
"""

import argparse
import dataclasses
import datetime
import platform
import sys
from pathlib import Path

import torch

from autograder.training import calibration
from autograder.training.calibration import Calibration
from autograder.training.heldout import Cifar10, DataProblem
from autograder.training.inside.fit import Recipe
from benchmarks import training_data
from benchmarks.threshold import Spread
from benchmarks.training_networks import ONCE, RIGHT, SOLUTION, WRONG
from benchmarks.training_report import as_markdown
from benchmarks.training_runs import Run, Runs, run, watch
from benchmarks.tutorial_recipe import time_to

SEEDS, FEWEST_IMAGES = 24, 50
TUTORIAL_EPOCHS = 200


def main(arguments: list[str] | None = None, file: Path = calibration.FILE) -> int:
    """Measure, print, and with --write store in `file`; return the exit status."""
    options = _parser().parse_args(arguments)
    device = torch.device(options.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    budget = "full" if device.type == "cuda" else "short" if options.data else "tiny"
    if complaint := _complaint(options, device, budget):
        print(complaint, file=sys.stderr)
        return 2
    try:
        data, name = _data(options, budget)
    except DataProblem as problem:
        print(problem, file=sys.stderr)
        return 2
    recipe = calibration.recipe_of(budget, file)
    recipe = dataclasses.replace(recipe, epochs=options.epochs or recipe.epochs)
    bench = _Bench(data, name, recipe, device, options.runs)
    # A few steps on a few images do not suffice for every initialization.
    networks, once = ((SOLUTION,), ()) if data.standin else (RIGHT, ONCE)
    right = [bench.run(networks[i % len(networks)], i) for i in range(options.seeds)]
    right += [bench.run(name, 0) for name in once]
    if broken := [run for run in right if run.error]:
        print(f"{broken[0].network} is right, but its training ended with {broken[0].error}", file=sys.stderr)
        return 1
    wrong = [bench.run(entry, 0) for entry in WRONG[: options.wrong]]
    curve = watch(SOLUTION, data, bench.recipe, device, 0) if recipe.epochs > 1 else []
    spread = Spread({name: [run.accuracy for run in right if run.network == name] for name in (*networks, *once)})
    tutorial = time_to(spread.mean, data, device, options.against_tutorial) if options.against_tutorial else None
    measured = bench.calibration(spread)
    print(as_markdown(measured, spread, right, wrong, curve, tutorial))
    if options.write:
        calibration.save(budget, measured, file)
        print(f"wrote the budget {budget!r} to {file}")
    return 0


class _Bench:
    """Trains with one recipe on one machine, and prints one line per training."""

    def __init__(self, data: Cifar10, name: str, recipe: Recipe, device: torch.device, kept: Path | None):
        self.data, self.name, self.recipe, self.device = data, name, recipe, device
        where = torch.cuda.get_device_name(device) if device.type == "cuda" else f"CPU ({platform.machine()})"
        self.hardware = f"{where}, torch {torch.__version__}"
        self._runs = Runs(kept, recipe=str(recipe), data=name, hardware=self.hardware)

    def run(self, network: str, seed: int) -> Run:
        """Train once, unless this training is stored already."""
        done = self._runs.get(network, seed, lambda: run(network, self.data, self.recipe, self.device, seed))
        line = f"{network:32} seed {seed:3}  {done.accuracy:7.2%}  {done.seconds:6.1f} s  {done.error}"
        print(line.rstrip(), flush=True)
        return done

    def calibration(self, spread: Spread) -> Calibration:
        """The calibration to store."""
        return Calibration(
            self.recipe,
            spread.threshold,
            round(spread.mean, 5),
            round(spread.std, 5),
            len(spread.accuracies),
            self.hardware,
            self.name,
            datetime.date.today().isoformat(),
        )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibrate_training", description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=Path, help="folder of CIFAR-10, or an .npz of JPEG files")
    parser.add_argument("--device", choices=["cuda", "cpu"], help="default: cuda if there is one")
    parser.add_argument(
        "--seeds", type=int, default=SEEDS, help=f"trainings of the {len(RIGHT)} correct networks in total ({SEEDS})"
    )
    parser.add_argument("--wrong", type=int, default=len(WRONG), help=f"number of incorrect networks ({len(WRONG)})")
    parser.add_argument("--images", type=int, help="number of training images, for a trial")
    parser.add_argument("--epochs", type=int, help="number of epochs (default: the recipe's)")
    parser.add_argument("--write", action="store_true", help="store the result in autograder/training/calibration.json")
    parser.add_argument("--runs", type=Path, help="store each training in this file, and continue from it")
    tutorial = f"also measure the notebook's training, for at most this many epochs ({TUTORIAL_EPOCHS})"
    parser.add_argument(
        "--against-tutorial", type=int, nargs="?", const=TUTORIAL_EPOCHS, metavar="EPOCHS", help=tutorial
    )
    return parser


def _complaint(options: argparse.Namespace, device: torch.device, budget: str) -> str:
    """Return what is wrong with the options, in one line; "" if nothing is."""
    if device.type == "cuda" and not torch.cuda.is_available():
        return "there is no CUDA GPU here: use --device cpu for a trial, or run this on a machine with a GPU"
    if options.seeds < len(RIGHT) or options.wrong < 0 or (options.epochs is not None and options.epochs < 1):
        return f"--seeds must be at least {len(RIGHT)}, --epochs at least 1, --wrong at least 0"
    if options.images is not None and options.images < FEWEST_IMAGES:
        return f"--images must be at least {FEWEST_IMAGES}"
    if options.images is not None and budget == "tiny":
        return "--images needs --data: stand-in images are few as they are"
    if options.write and options.images is not None:
        return "this is a trial, and --write keeps no trials: leave out --images"
    if options.write and options.seeds < 20 and budget != "tiny":
        return "--write needs at least 20 --seeds: a threshold from fewer is a guess"
    return ""


def _data(options: argparse.Namespace, budget: str) -> tuple[Cifar10, str]:
    if budget == "tiny":
        return training_data.standin()
    data, name = training_data.load(options.data, options.images)
    if data.standin and options.write:
        raise DataProblem("these are stand-in images: the threshold that counts needs CIFAR-10")
    return data, name


if __name__ == "__main__":
    sys.exit(main())
