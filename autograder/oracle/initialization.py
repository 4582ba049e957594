"""Test whether a fresh ResNet-18's weights are drawn as PyTorch draws them: then its accuracy is known beforehand.

PyTorch's defaults: the weight of a convolution or linear layer, and the latter's bias, are uniform between
-1/sqrt(n) and 1/sqrt(n), n being the inputs of one output (`kaiming_uniform_` with a = sqrt(5)); BatchNorm starts with
gamma = 1, beta = 0, mean 0 and variance 1. Names are free: tensors are told by shape and value.

Other choices are right too (He's own normal distribution, a last BatchNorm that starts at zero). Such a network has to
be trained to know its accuracy.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import combinations

import torch
from torch import Tensor

from autograder.oracle.design import basic_block, inventory, network

FALSE_ALARM = 1e-6
"""Highest probability that two draws from PyTorch's defaults are reported as different."""
CHECKS = 250
"""At least the number of statistical tests, which is 212."""
BINS = 2000

Draw = dict[str, Tensor]
Shape = tuple[int, ...]


def find_difference(first: Draw, second: Draw) -> str:
    """Why two fresh networks' states are not two draws from the reference's distribution; "" where they seem to be.

    Two draws from PyTorch's defaults are reported as different once in a million times.

    Args:
        first: the state dict of a ResNet18() just built.
        second: that of another one, built after it.
    """
    expected = _expected()
    for draw in (first, second):
        if problem := _odd_inventory(draw, expected) or _odd_constants(draw) or _not_uniform(draw, expected):
            return problem
    return _not_independent(first, second, expected)


def _expected() -> dict[Shape, tuple[int, float]]:
    """For each shape of the reference's random tensors: how many there are, and the bound of the distribution."""
    bounds: dict[Shape, list[float]] = defaultdict(list)
    whole = network(1, (2, 2, 2, 2), 10)
    blocks = [basic_block(p.in_planes, p.planes, p.stride) for stage in whole.stages for p in stage]
    probes = {f"stage{s}.{i}.weight" for s, stage in enumerate(whole.stages, start=1) for i in range(len(stage))}
    roles = [role for role in inventory(whole) if role.name not in probes]
    roles += [role for block in blocks for role in inventory(block)]
    for role in roles:
        if role.kind == "weight":
            bounds[role.shape].append(1 / math.sqrt(math.prod(role.shape[1:])))
        elif role.kind == "bias":  # the head's; its bound is that of its weight
            bounds[role.shape].append(1 / math.sqrt(512))
    return {shape: (len(mine), mine[0]) for shape, mine in bounds.items()}


BATCHNORMS = {64: 5, 128: 5, 256: 5, 512: 5}
"""How many of each width ResNet-18 has, including the stem's and those of the three projections."""


def _floating(draw: Draw) -> Iterator[Tensor]:
    """All tensors except num_batches_tracked."""
    return (value.detach() for value in draw.values() if value.is_floating_point())


def _odd_inventory(draw: Draw, expected: dict[Shape, tuple[int, float]]) -> str:
    wanted = Counter({shape: count for shape, (count, _) in expected.items()})
    wanted += Counter({(width,): 4 * count for width, count in BATCHNORMS.items()})
    have = Counter(tuple(value.shape) for value in _floating(draw))
    for shape in sorted(wanted | have):
        if have[shape] != wanted[shape]:
            return f"it has {have[shape]} tensors of shape {shape}, ResNet-18 has {wanted[shape]}"
    return ""


def _odd_constants(draw: Draw) -> str:
    """BatchNorm: for each width there are as many vectors of ones (gamma, variance) as of zeros (beta, mean)."""
    vectors = [value for value in _floating(draw) if value.dim() == 1 and len(value) in BATCHNORMS]
    for width, count in BATCHNORMS.items():
        mine = [value for value in vectors if len(value) == width]
        ones, zeros = (sum(bool((value == constant).all()) for value in mine) for constant in (1, 0))
        if (ones, zeros) != (2 * count, 2 * count):
            return f"not every BatchNorm of {width} channels starts with gamma = 1, beta = 0, mean 0 and variance 1"
    return ""


def _drawn(draw: Draw, expected: dict[Shape, tuple[int, float]]) -> Iterator[tuple[Shape, Tensor]]:
    """The random tensors, scaled to lie between -1 and 1."""
    for value in _floating(draw):
        shape = tuple(value.shape)
        if shape in expected:
            yield shape, value.double() / expected[shape][1]


def _not_uniform(draw: Draw, expected: dict[Shape, tuple[int, float]]) -> str:
    for shape, value in _drawn(draw, expected):
        said = f"the tensor of shape {shape} is not uniform between ±{expected[shape][1]:.4g}, PyTorch's default"
        largest = float(value.abs().max())
        if not smallest_maximum(value.numel()) <= largest <= 1 + 1e-6:
            return said
        if distance_to_uniform(value) > largest_distance(value.numel()):
            return said
        # Filters that repeat within one tensor would pass the test above.
        if value.dim() > 1 and _correlated(value, value.roll(1, 0)):
            return f"the filters of the tensor of shape {shape} depend on each other"
    return ""


def distance_to_uniform(value: Tensor) -> float:
    """Kolmogorov-Smirnov distance to the uniform distribution between -1 and 1, evaluated at `BINS` points."""
    counts = torch.histc(value.flatten(), BINS, -1, 1)
    return float((counts.cumsum(0) / value.numel() - torch.arange(1, BINS + 1) / BINS).abs().max())


def largest_distance(count: int) -> float:
    """Bound of that distance for `count` independent values.

    Dvoretzky, Kiefer and Wolfowitz, with Massart's constant: P(distance > d) <= 2 exp(-2 count d^2), for any count.
    """
    return math.sqrt(math.log(2 * CHECKS / FALSE_ALARM) / (2 * count))


def smallest_maximum(count: int) -> float:
    """Smallest acceptable maximum of `count` absolute values: P(maximum < m) = m^count."""
    return math.exp(math.log(FALSE_ALARM / CHECKS) / count)


def _not_independent(first: Draw, second: Draw, expected: dict[Shape, tuple[int, float]]) -> str:
    """Two networks, and two layers of one network, must not have weights in common."""
    of_shape: dict[Shape, list[Tensor]] = defaultdict(list)
    for draw in (first, second):
        for shape, value in _drawn(draw, expected):
            of_shape[shape].append(value)
    for shape, values in of_shape.items():
        if any(torch.equal(one, other) or _correlated(one, other) for one, other in combinations(values, 2)):
            return f"tensors of shape {shape} that are drawn separately have values in common"
    return ""


def _correlated(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors with values between -1 and 1 and mean zero are correlated more than chance explains.

    Hoeffding: the mean of n independent products has P(|mean| > d) <= 2 exp(-n d^2 / 2). For equal tensors the mean is
    1/3, which is significant for 360 values or more.
    """
    return float((one * other).mean().abs()) > 2 * largest_distance(one.numel())
