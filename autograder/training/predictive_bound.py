"""The accuracy that one more right network reaches with near certainty, from a few trainings.

What must be rare is a false alarm over both draws together: a calibration of this machine, and a right submission that
is judged by it. So the bound is that of a prediction interval: the mean of n trainings, minus Student's t times
s * sqrt(1 + 1/n). A tolerance bound, which holds for nearly every single calibration, would be 8 to 13 standard
deviations below the mean of eight trainings, too far to tell wrong networks from right ones.

The mean is what a device, its driver, PyTorch and the data change. The spread comes from seeds and styles, and hardly
from the device, so the s of eight trainings is pooled with that of the shipped study, which measured more of them.
"""

import functools
import math

FALSE_ALARM = 1e-5
"""Probability that a right network is judged wrong."""
SIGNIFICANCE = 0.05
"""Of the F test: a spread here that would be larger than the study's so rarely is taken alone."""


def predictive_bound(mean: float, own: float, count: int, std: float | None = None, freedom: int = 0) -> float:
    """The accuracy that a further right network misses with the probability `FALSE_ALARM`.

    Args:
        mean, own: mean and standard deviation of the accuracies of right networks on this machine.
        count: how many there are, two or more.
        std: the standard deviation that the study measured; None where there is no study.
        freedom: its degrees of freedom.
    """
    spread, degrees = own, count - 1
    if std and f_tail((own / std) ** 2, count - 1, freedom) >= SIGNIFICANCE:
        degrees = count - 1 + freedom
        # The larger one: a machine may vary more than the study, by less than eight trainings can show.
        spread = max(own, math.sqrt(((count - 1) * own**2 + freedom * std**2) / degrees))
    return mean - t_quantile(FALSE_ALARM, degrees) * spread * math.sqrt(1 + 1 / count)


@functools.cache
def t_quantile(tail: float, degrees: int) -> float:
    """The value that Student's t exceeds with probability `tail`, below 1/2."""
    low, high = 0.0, 1.0
    while t_tail(high, degrees) > tail:
        high *= 2
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if t_tail(middle, degrees) > tail else (low, middle)
    return high


def t_tail(value: float, degrees: int) -> float:
    """The probability that Student's t exceeds this value, 0 or more."""
    return _beta(degrees / 2, 0.5, degrees / (degrees + value**2)) / 2


def f_tail(ratio: float, above: int, below: int) -> float:
    """The probability that a ratio of two estimates of one variance exceeds this one.

    Args:
        above, below: degrees of freedom of the numerator and of the denominator.
    """
    return _beta(below / 2, above / 2, below / (below + above * ratio))


def _beta(a: float, b: float, x: float) -> float:
    """The regularized incomplete beta function, by the continued fraction 26.5.8 of Abramowitz and Stegun."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    if x > (a + 1) / (a + b + 2):  # it converges slowly there
        return 1 - _beta(b, a, 1 - x)
    fraction = 1.0
    for m in range(100, 0, -1):
        odd = -(a + m - 1) * (a + b + m - 1) * x / ((a + 2 * m - 2) * (a + 2 * m - 1))
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        fraction = 1 + odd / (1 + even / fraction)
    log_of_beta = math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)
    return math.exp(a * math.log(x) + b * math.log1p(-x) - log_of_beta) / (a * fraction)
