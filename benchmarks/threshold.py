"""From the accuracies of right networks to the accuracy that a submission must reach."""

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

DEVIATIONS = 5
MARGIN = 0.02
"""The threshold lies below the mean by as many standard deviations, and by this much at least: other GPUs, other
versions and other right networks than those measured differ, too."""
STEP = 0.005
"""It is rounded down to half a percent."""


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation of accuracies, and what follows from them."""

    accuracies: Sequence[float]

    @property
    def mean(self) -> float:
        """The mean."""
        return statistics.mean(self.accuracies)

    @property
    def std(self) -> float:
        """The standard deviation; of a single value, 0."""
        return statistics.stdev(self.accuracies) if len(self.accuracies) > 1 else 0.0

    @property
    def threshold(self) -> float:
        """What a right network reaches with near certainty."""
        steps = (self.mean - max(DEVIATIONS * self.std, MARGIN)) / STEP
        return round(max(0, math.floor(steps + 1e-9)) * STEP, 4)

    @property
    def below(self) -> int:
        """How many of the accuracies miss the threshold."""
        return sum(accuracy < self.threshold for accuracy in self.accuracies)

    @property
    def false_alarm(self) -> float:
        """Probability that a right network misses the threshold, were accuracies normally distributed."""
        if self.std == 0:
            return 0.0
        return 0.5 * math.erfc((self.mean - self.threshold) / self.std / math.sqrt(2))

    @property
    def false_alarm_bound(self) -> float:
        """What that probability is at most, with 95 % confidence and whatever the distribution, if none missed it."""
        return 1 - 0.05 ** (1 / len(self.accuracies))
