"""How often a right submission is judged wrong by the accuracy that a machine asks for, by simulation.

    python -m benchmarks.false_alarm [--budget short] [--worlds 30000]

The rule is that of `autograder.training.predictive_bound`; spread, degrees of freedom and number of trainings are those
of `budgets.json`. Exit status 1 where the probability is above `FALSE_ALARM`, by three standard errors of the
simulation, though the machine varies no more than the study says.
"""

import argparse
import sys

from autograder.training.budgets import load_budget
from autograder.training.predictive_bound import FALSE_ALARM
from benchmarks.spread import false_alarms

RATIOS = (0.5, 1.0, 1.25, 1.5, 2.0, 4.0)


def main(arguments: list[str] | None = None) -> int:
    """Print a table; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.false_alarm", description=__doc__.split("\n")[0])
    parser.add_argument("--budget", choices=("full", "short", "tiny"), default="short")
    parser.add_argument("--worlds", type=int, default=30_000, help="calibrations that are simulated")
    given = parser.parse_args(arguments)
    budget = load_budget(given.budget)
    study = budget.study
    rows = [("without a study", False, 1.0)]
    if study is not None:
        rows += [(f"spread {ratio:g} times the study's", True, ratio) for ratio in RATIOS]
    print("| machine | right submissions judged wrong |\n| --- | --- |")
    too_many = False
    for name, studied, ratio in rows:
        std, freedom = (study.std, study.freedom) if study else (1.0, 1)
        rate, error = false_alarms(std, freedom, budget.trainings, given.worlds, ratio, studied)
        too_many |= ratio <= 1 and rate - 3 * error > FALSE_ALARM
        print(f"| {name} | {1e5 * rate:.2g} ± {1e5 * error:.1g} in 100,000 |", flush=True)
    return int(too_many)


if __name__ == "__main__":
    sys.exit(main())
