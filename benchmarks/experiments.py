"""Whether the notebook's experiments show what its text says, over several seeds.

    python -m benchmarks.experiments --data DIR
    python -m benchmarks.experiments                # on generated images

`DIR` holds CIFAR-10, or an .npz of JPEG files (see `training_data`), or is that file. Each line of the table is a claim
of the notebook's text, with the measured values and the smallest distance to the bound. The exit status is 1 if one
does not hold.
"""

import argparse
import operator
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch.utils.data import DataLoader

import utils
from benchmarks import training_data
from lab import experiments
from lab.experiments.networks import Block

DEEPEST = 56


class Results(NamedTuple):
    """The experiments of one seed."""

    depth: experiments.Degradation
    gradient: experiments.GradientFlow


@dataclass(frozen=True)
class Claim:
    """A part of the notebook's text, word for word, and the value that must lie below or above a bound."""

    text: str
    measure: Callable[[Results], float]
    compare: Callable[[float, float], bool]
    bound: float

    def holds(self, results: Results) -> bool:
        """Whether these results show it."""
        return self.compare(self.measure(results), self.bound)


def _changes(name: str, *, first: bool) -> Callable[[Results], float]:
    return lambda results: results.gradient.changes[name][0 if first else -1]


def _growth(name: str) -> Callable[[Results], float]:
    return lambda results: results.gradient.growth[name]


CLAIMS = (
    Claim(
        "The plain network of 56 layers ends with a higher training loss than the plain network of 8 layers.",
        lambda results: results.depth.change("plain"),
        *(operator.gt, 0),
    ),
    Claim(
        "From 8 to 56 layers, the loss of the residual networks rises less.",
        lambda results: results.depth.change("residual") - results.depth.change("plain"),
        *(operator.lt, 0),
    ),
    Claim(
        "At 56 layers, the residual network ends with a lower loss than the plain one.",
        lambda results: results.depth.final["plain"][DEEPEST] - results.depth.final["residual"][DEEPEST],
        *(operator.gt, 0),
    ),
    Claim(
        "In the plain network the gradient grows more than 500 times on its way to the image",
        *(_growth("plain"), operator.gt, 500),
    ),
    Claim("in the residual network less than 100 times", _growth("residual"), operator.lt, 100),
    Claim(
        "Without BatchNorm, the gradient of the plain network does vanish.",
        *(_growth("plain, no BatchNorm"), operator.lt, 1e-6),
    ),
    Claim(
        "In the plain network, a step with learning rate 0.1 changes the weights of the first block by more than their "
        "own size",
        *(_changes("plain", first=True), operator.gt, 1),
    ),
    Claim("those of the last block by less than a tenth", _changes("plain", first=False), operator.lt, 0.1),
    Claim(
        "In the residual network, no step is larger than the weights.",
        lambda results: max(results.gradient.changes["residual"]),
        *(operator.lt, 1),
    ),
)


def run(block: Block, loader: DataLoader, seed: int, device: torch.device | str | None = None) -> Results:
    """Run both experiments as the notebook does."""
    return Results(
        experiments.degradation(block, loader, seed=seed, device=device),
        experiments.gradient_flow(block, loader, seed=seed, device=device),
    )


def load(given: Path | None) -> tuple[DataLoader, str]:
    """The training images with the notebook's transform, and the name of the data.

    Args:
        given: see the head of this file; generated images when None.

    Raises:
        DataProblem: the data cannot be read.
    """
    if given is None:
        with tempfile.TemporaryDirectory() as folder:
            data, name = training_data.load(utils.make_standin(folder), None)
    else:
        found = [] if (given / utils.FOLDER).exists() else sorted(given.glob("*.npz"))
        data, name = training_data.load(found[0] if found else given, None)
    return DataLoader(training_data.Pictures(data.train_images, data.train_labels)), name


def table(results: Sequence[Results]) -> str:
    """The claims with their values, as Markdown."""
    lines = ["| claim | value for each seed | bound | margin | verdict |", "| --- | --- | --- | --- | --- |"]
    for claim in CLAIMS:
        values = [claim.measure(each) for each in results]
        margin = min(abs(value - claim.bound) for value in values)
        sign = ">" if claim.compare is operator.gt else "<"
        verdict = "holds" if all(map(claim.holds, results)) else "**does not hold**"
        numbers = ", ".join(f"{value:.3g}" for value in values)
        lines.append(f"| {claim.text} | {numbers} | {sign} {claim.bound:g} | {margin:.2g} | {verdict} |")
    return "\n".join(lines)


def main() -> None:
    """Run the experiments for each seed and print the table."""
    from benchmarks.training_networks import SOLUTION, builder  # slow to import, and the tests do without it

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="CIFAR-10, or JPEG files in an .npz; generated images when left out")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--device", help="cpu or cuda; CUDA if there is one when left out")
    arguments = parser.parse_args()
    loader, name = load(arguments.data)
    results, start = [], time.process_time()
    with builder(SOLUTION) as build:
        block = build.__globals__["BasicBlock"]
        for seed in range(arguments.seeds):
            results.append(run(block, loader, seed, arguments.device))
            print(f"seed {seed}: {results[-1].depth.caption}", flush=True)
    seconds = (time.process_time() - start) / len(results)
    print(f"\n{name}, {len(results)} seeds, {seconds:.0f} CPU seconds for each\n\n{table(results)}")
    sys.exit(0 if all(claim.holds(each) for claim in CLAIMS for each in results) else 1)


if __name__ == "__main__":
    main()
