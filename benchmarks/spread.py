"""How much the accuracies of right networks vary, and how often a right submission would be judged wrong."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from autograder.training.predictive_bound import predictive_bound


@dataclass(frozen=True)
class Spread:
    """Accuracies of right networks.

    Args:
        networks: maps each network to the accuracies of its trainings.
    """

    networks: Mapping[str, Sequence[float]]

    @cached_property
    def accuracies(self) -> list[float]:
        """The accuracies of all trainings."""
        return [accuracy for mine in self.networks.values() for accuracy in mine]

    @property
    def mean(self) -> float:
        """Mean of all trainings."""
        return statistics.mean(self.accuracies)

    @property
    def std(self) -> float:
        """Standard deviation of all trainings, within and between networks."""
        return statistics.stdev(self.accuracies)

    @property
    def weakest(self) -> str:
        """The network with the lowest mean."""
        return min(self.networks, key=lambda name: statistics.mean(self.networks[name]))

    @property
    def luck(self) -> float:
        """Standard deviation within networks, pooled over them; `std` if each was trained once."""
        freedom = sum(len(mine) - 1 for mine in self.networks.values())
        if not freedom:
            return self.std
        squares = sum((a - statistics.mean(mine)) ** 2 for mine in self.networks.values() for a in mine)
        return math.sqrt(squares / freedom)


def false_alarms(
    std: float, freedom: int, trainings: int, worlds: int, ratio: float = 1.0, studied: bool = True, seed: int = 0
) -> tuple[float, float]:
    """Simulate the probability that a right submission misses the bound of the machine that judges it.

    Returns it with its standard error.

    In each world a study measures a spread, a machine is calibrated, and a submission is trained there. Accuracies are
    normally distributed. The last draw is not made: its probability is known, so small probabilities need few worlds.

    Args:
        std: the true standard deviation of the study's accuracies.
        freedom: of the study.
        trainings: that a machine is calibrated with.
        worlds: how many are simulated.
        ratio: the machine's true standard deviation, as a multiple of the study's.
        studied: whether the grader has the study.
        seed: of the draws.
    """
    random = np.random.default_rng(seed)
    here, missed = ratio * std, []
    for _ in range(worlds):
        study = (std * math.sqrt(random.chisquare(freedom) / freedom), freedom) if studied else ()
        drawn = here * random.standard_normal(trainings)
        bound = predictive_bound(float(drawn.mean()), float(drawn.std(ddof=1)), trainings, *study)
        missed.append(0.5 * math.erfc(-bound / here / math.sqrt(2)))
    return statistics.mean(missed), statistics.stdev(missed) / math.sqrt(worlds)
