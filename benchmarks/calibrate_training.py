"""Study a recipe of question 4: `python -m benchmarks.calibrate_training`.

It trains the solution and five other correct networks with many seeds, and five more once, as the grader does: with the
recipe of `autograder/training/budgets.json`, on changed held-out images. From the accuracies follows how much right
networks vary, over seeds and styles. Then it trains incorrect networks; the best of those that no threshold may let
pass gives the floor. It prints the tables of docs/gpu.md; --write stores spread and floor in `budgets.json`. No machine
needs this to grade: the grader calibrates itself, see `autograder.training.calibration`.

On a GPU it measures the budget "full" with CIFAR-10 from --data or $CIFAR10_ROOT. On a CPU with --data it measures the
budget "short", which takes an hour or two. On a CPU without data it measures "tiny" with generated images and the
solution alone, for tests. --budget chooses another one: "full" takes hours of a CPU for each training, so --only may
name a few networks, and nothing is trained beyond them. A run with fewer images or networks is a trial and is never
stored.

With --runs FILE an interrupted study continues when it is started again. With --recipe it tries another recipe. With
--against-tutorial it also measures how long the notebook's own training takes to the same accuracy.
"""

import argparse
import dataclasses
import datetime
import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from autograder.training import budgets
from autograder.training.budgets import Study
from autograder.training.cifar10 import Cifar10, DataProblem
from autograder.training.inside.fit import Recipe
from autograder.training.machine import processor
from benchmarks import training_data
from benchmarks.given_path import given_path
from benchmarks.spread import Spread
from benchmarks.training_networks import MUST_FAIL, ONCE, RIGHT, SOLUTION, WRONG
from benchmarks.training_report import as_markdown
from benchmarks.training_runs import Run, Runs, run, watch
from benchmarks.tutorial_recipe import time_to

SEEDS, FEWEST_SEEDS, FEWEST_IMAGES = 24, 12, 50
FEWEST_OF_A_TRIAL = 2
FLOOR_SEEDS = 4
"""Trainings of the best network that no threshold may let pass."""
TUTORIAL_EPOCHS = 200


def main(arguments: list[str] | None = None, file: Path = budgets.FILE) -> int:
    """Measure, print, and with --write store in `file`; return the exit status."""
    options = _parser().parse_args(arguments)
    device = torch.device(options.device or ("cuda" if torch.cuda.is_available() else "cpu"))
    budget = options.budget or ("full" if device.type == "cuda" else "short" if options.data else "tiny")
    if complaint := _complaint(options, device, budget):
        print(complaint, file=sys.stderr)
        return 2
    try:
        data, name = _data(options, budget)
    except DataProblem as problem:
        print(problem, file=sys.stderr)
        return 2
    stored = budgets.load_budget(budget, file)
    try:
        recipe = _changed(stored.recipe, options.recipe)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    bench = _Bench(data, name, recipe, device, options.runs)
    # A few steps on a few images do not suffice for every initialization.
    networks, once = ((SOLUTION,), ()) if data.standin else (RIGHT, ONCE)
    networks, once, incorrect = (_chosen(some, options.only) for some in (networks, once, WRONG))
    right = [bench.run(networks[i % len(networks)], i) for i in range(options.seeds)]
    right += [bench.run(name, 0) for name in once]
    if broken := [run for run in right if run.error]:
        print(f"{broken[0].network} is right, but its training ended with {broken[0].error}", file=sys.stderr)
        return 1
    wrong = [bench.run(entry, 0) for entry in incorrect[: options.wrong]]
    curve = watch(SOLUTION, bench.data, bench.recipe, device, 0) if recipe.epochs > 1 and not options.only else []
    spread = Spread({name: [run.accuracy for run in right if run.network == name] for name in (*networks, *once)})
    tutorial = time_to(spread.mean, data, device, options.against_tutorial) if options.against_tutorial else None
    low = [run for run in wrong if run.network in MUST_FAIL and not run.error]
    if low and not options.only:  # the floor is the best of several trainings: of one, it is luck
        best = max(low, key=lambda run: run.accuracy).network
        low += [bench.run(best, seed) for seed in range(1, FLOOR_SEEDS)]
    floor = max([run.accuracy for run in low], default=stored.floor)
    measured = dataclasses.replace(stored, recipe=recipe, study=bench.study(spread), floor=floor)
    print(as_markdown(measured, spread, right, wrong, curve, tutorial))
    if options.write:
        budgets.save_study(budget, measured.study, floor, file)
        print(f"wrote the study of {budget!r} to {file}")
    return 0


class _Bench:
    """Trains with one recipe on one machine, and prints one line per training."""

    def __init__(self, data: Cifar10, name: str, recipe: Recipe, device: torch.device, kept: Path | None):
        self.data, self.name, self.recipe, self.device = data.reduced(recipe.side), name, recipe, device
        capability = torch.backends.cpu.get_cpu_capability()
        where = torch.cuda.get_device_name(device) if device.type == "cuda" else f"{processor()} ({capability})"
        self.hardware = f"{where}, torch {torch.__version__}"
        self._runs = Runs(kept, recipe=str(recipe), data=name, hardware=self.hardware)

    def run(self, network: str, seed: int) -> Run:
        """Train once, unless this training is stored already."""
        done = self._runs.get(network, seed, lambda: run(network, self.data, self.recipe, self.device, seed))
        line = f"{network:32} seed {seed:3}  {done.accuracy:7.2%}  {done.seconds:6.1f} s  {done.error}"
        print(line.rstrip(), flush=True)
        return done

    def study(self, spread: Spread) -> Study:
        """What to store."""
        today = datetime.date.today().isoformat()
        return Study(round(spread.std, 5), len(spread.accuracies) - 1, self.hardware, self.name, today)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.calibrate_training", description=__doc__.split("\n")[0])
    parser.add_argument("--data", type=given_path, help="folder of CIFAR-10, or an .npz of JPEG files")
    parser.add_argument("--device", choices=["cuda", "cpu"], help="default: cuda if there is one")
    parser.add_argument("--budget", choices=["full", "short", "tiny"], help="default: full on a GPU, short on a CPU")
    parser.add_argument(
        "--seeds", type=int, default=SEEDS, help=f"trainings of the {len(RIGHT)} correct networks in total ({SEEDS})"
    )
    parser.add_argument("--wrong", type=int, default=len(WRONG), help=f"number of incorrect networks ({len(WRONG)})")
    parser.add_argument("--images", type=int, help="number of training images, for a trial")
    parser.add_argument(
        "--recipe", nargs="+", default=[], metavar="NAME=VALUE", help="try another recipe, such as side=16 images=9000"
    )
    parser.add_argument("--only", nargs="+", default=[], metavar="NETWORK", help="train these networks, for a trial")
    parser.add_argument("--write", action="store_true", help="store spread and floor in autograder's budgets.json")
    parser.add_argument("--runs", type=given_path, help="store each training in this file, and continue from it")
    tutorial = f"also measure the notebook's training, for at most this many epochs ({TUTORIAL_EPOCHS})"
    parser.add_argument(
        "--against-tutorial", type=int, nargs="?", const=TUTORIAL_EPOCHS, metavar="EPOCHS", help=tutorial
    )
    return parser


def _complaint(options: argparse.Namespace, device: torch.device, budget: str) -> str:
    """Return what is wrong with the options, in one line; "" if nothing is."""
    if device.type == "cuda" and not torch.cuda.is_available():
        return "there is no CUDA GPU here: use --device cpu for a trial, or run this on a machine with a GPU"
    if unknown := set(options.only) - {*RIGHT, *ONCE, *WRONG}:
        return f"--only {', '.join(sorted(unknown))}: the networks are {', '.join((*RIGHT, *ONCE, *WRONG))}"
    if options.only and (not set(options.only) & set(RIGHT) or options.seeds < FEWEST_OF_A_TRIAL):
        return f"--only needs one of {', '.join(RIGHT)}, with at least {FEWEST_OF_A_TRIAL} --seeds"
    if (not options.only and options.seeds < len(RIGHT)) or options.wrong < 0:
        return f"--seeds must be at least {len(RIGHT)}, --wrong at least 0"
    if options.images is not None and options.images < FEWEST_IMAGES:
        return f"--images must be at least {FEWEST_IMAGES}"
    if options.images is not None and budget == "tiny":
        return "--images needs --data: stand-in images are few as they are"
    if options.write and (options.images is not None or options.recipe or options.only):
        return "this is a trial, and --write keeps no trials: leave out --images, --recipe and --only"
    if options.write and options.seeds < FEWEST_SEEDS and budget != "tiny":
        return f"--write needs at least {FEWEST_SEEDS} --seeds: a spread from fewer is a guess"
    if options.write and options.wrong < len(MUST_FAIL):
        return f"--write needs at least {len(MUST_FAIL)} --wrong: the floor is what they reach"
    return ""


def _chosen(networks: Sequence[str], only: Sequence[str]) -> list[str]:
    return [name for name in networks if not only or name in only]


def _changed(recipe: Recipe, changes: Sequence[str]) -> Recipe:
    """The recipe with these fields, each as `name=value`; raises `ValueError` where that is none."""
    kinds = {field.name: type(getattr(recipe, field.name)) for field in dataclasses.fields(Recipe)}
    for change in changes:
        name, _, value = change.partition("=")
        if name not in kinds:
            raise ValueError(f"--recipe {change}: a recipe has {', '.join(kinds)}")
        try:
            number = value if kinds[name] is str else float(value) if kinds[name] is float else int(value)
        except ValueError:
            raise ValueError(f"--recipe {change}: {name} takes a number") from None
        recipe = dataclasses.replace(recipe, **{name: number})
    return recipe


def _data(options: argparse.Namespace, budget: str) -> tuple[Cifar10, str]:
    if budget == "tiny":
        return training_data.standin()
    data, name = training_data.load(options.data, options.images)
    if data.standin and options.write:
        raise DataProblem("these are stand-in images: the spread that counts is that of CIFAR-10")
    return data, name


if __name__ == "__main__":
    sys.exit(main())
