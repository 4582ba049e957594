"""Compute the accuracy that a submission must reach from the accuracies of correct networks."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

DEVIATIONS = 5
MARGIN = 0.02
"""The threshold is at least `DEVIATIONS` standard deviations and at least `MARGIN` below the mean: other GPUs, versions
and correct networks than those measured differ as well."""
STEP = 0.005
"""The threshold is rounded down to a multiple of this."""


@dataclass(frozen=True)
class Spread:
    """Accuracies of correct networks, and the threshold that follows from them.

    Args:
        networks: maps each network to the accuracies of its trainings.
    """

    networks: Mapping[str, Sequence[float]]

    @property
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

    @property
    def threshold(self) -> float:
        """The accuracy that every correct network, also the weakest, reaches with near certainty."""
        usual = self.mean - max(DEVIATIONS * self.std, MARGIN)
        lowest = statistics.mean(self.networks[self.weakest]) - DEVIATIONS * self.luck
        return round(max(0, math.floor(min(usual, lowest) / STEP + 1e-9)) * STEP, 4)

    @property
    def below(self) -> int:
        """The number of trainings that miss the threshold."""
        return sum(accuracy < self.threshold for accuracy in self.accuracies)

    @property
    def false_alarm(self) -> float:
        """Probability that the weakest network misses the threshold, if its accuracies are normally distributed."""
        if self.luck == 0:
            return 0.0
        distance = statistics.mean(self.networks[self.weakest]) - self.threshold
        return 0.5 * math.erfc(distance / self.luck / math.sqrt(2))

    @property
    def false_alarm_bound(self) -> float:
        """Upper bound of the probability with 95 % confidence, for any distribution, if no training missed it."""
        return 1 - 0.05 ** (1 / len(self.accuracies))
