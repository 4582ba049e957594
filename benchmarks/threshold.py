"""From the accuracies of right networks to the accuracy that a submission must reach."""

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

DEVIATIONS = 5
MARGIN = 0.02
"""The threshold lies below the mean by as many standard deviations, and by this much at least: other GPUs, other
versions and other right networks than those measured differ, too."""
STEP = 0.005
"""It is rounded down to half a percent."""


@dataclass(frozen=True)
class Spread:
    """What is known of right networks' accuracies, and what follows from that.

    Args:
        networks: the accuracies of each network's trainings.
    """

    networks: Mapping[str, Sequence[float]]

    @property
    def accuracies(self) -> list[float]:
        """All of them."""
        return [accuracy for mine in self.networks.values() for accuracy in mine]

    @property
    def mean(self) -> float:
        """Of all trainings."""
        return statistics.mean(self.accuracies)

    @property
    def std(self) -> float:
        """Standard deviation of all trainings: luck, and what is different between networks."""
        return statistics.stdev(self.accuracies)

    @property
    def weakest(self) -> str:
        """The right network with the lowest mean."""
        return min(self.networks, key=lambda name: statistics.mean(self.networks[name]))

    @property
    def luck(self) -> float:
        """Standard deviation of one network's trainings, pooled over the networks; `std` if each was trained once."""
        freedom = sum(len(mine) - 1 for mine in self.networks.values())
        if not freedom:
            return self.std
        squares = sum((a - statistics.mean(mine)) ** 2 for mine in self.networks.values() for a in mine)
        return math.sqrt(squares / freedom)

    @property
    def threshold(self) -> float:
        """What a right network reaches with near certainty, the weakest one too."""
        usual = self.mean - max(DEVIATIONS * self.std, MARGIN)
        lowest = statistics.mean(self.networks[self.weakest]) - DEVIATIONS * self.luck
        return round(max(0, math.floor(min(usual, lowest) / STEP + 1e-9)) * STEP, 4)

    @property
    def below(self) -> int:
        """How many of the accuracies miss the threshold."""
        return sum(accuracy < self.threshold for accuracy in self.accuracies)

    @property
    def false_alarm(self) -> float:
        """Probability that the weakest right network misses the threshold, were its accuracies normally distributed."""
        if self.luck == 0:
            return 0.0
        distance = statistics.mean(self.networks[self.weakest]) - self.threshold
        return 0.5 * math.erfc(distance / self.luck / math.sqrt(2))

    @property
    def false_alarm_bound(self) -> float:
        """What that probability is at most, with 95 % confidence and whatever the distribution, if none missed it."""
        return 1 - 0.05 ** (1 / len(self.accuracies))
