"""The reference ResNet-18: its logits for a set of weights, whatever the student calls them.

A network whose `ResNet` and `BasicBlock` are proved right computes the same, so the logits that a training process
reports can be compared with those of its trained weights.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from autograder.oracle.design import Block, Layer, basic_block, inventory
from autograder.oracle.matching import Assignment, Found, squeeze_shape
from autograder.oracle.reference import Pass

_STEM = Layer(3, 64, 3, 1, 1)
_STAGES = ((64, 64, 1), (64, 128, 2), (128, 256, 2), (256, 512, 2))
_BLOCKS: dict[str, Block] = {
    f"stage{number}.{index}": basic_block(*(shape if index == 0 else (shape[1], shape[1], 1)))
    for number, shape in enumerate(_STAGES, start=1)
    for index in range(2)
}
_UNITS = ("conv1", "conv2", "shortcut")
_CONVOLUTIONS = (_UNITS, ("conv2", "conv1", "shortcut"))
"""Orders of the convolutions in a block; the shortcut's is recognised by its shape."""
_BATCHNORMS = tuple(itertools.permutations(_UNITS))
_HEAD = {"weight": (10, 512), "bias": (10,)}
SAME = 1e-3
"""Largest difference of logits, relative to the largest one, that is rounding: 18 layers in float32."""
ALIKE_ANSWERS, ALIKE_LOGITS = 0.9, 0.98
"""Smallest share of equal predictions, and smallest correlation of the logits, for one network on a CPU and on a GPU.
TensorFloat-32 keeps 10 bits of each factor and half precision 7 or 10, which changes logits by about a percent: the
prediction changes where two logits are that close, for a few images in a hundred; the correlation stays above 0.999.
Logits that are invented for a share of the images lower the correlation by about that share."""


def logits_of(weights: Mapping[str, Tensor], names: Assignment, images: Tensor) -> Tensor:
    """The logits (N, 10) in eval mode, in the precision of the images.

    Args:
        weights: a `state_dict()`.
        names: for each role its tensor, from `match`.
        images: normalised, (N, 3, 32, 32).
    """
    shapes = {role: shape for role, _, shape in _roles()}
    roles = {role: weights[name].to(images.dtype).reshape(shapes[role]) for role, name in names.items()}
    with torch.no_grad():
        out = Pass(roles, False).layer("stem", _STEM, images)
        for place, block in _BLOCKS.items():
            mine = {role.removeprefix(f"{place}."): value for role, value in roles.items() if role.startswith(place)}
            out = Pass(mine, False).block(block, out)
        return F.linear(out.mean(dim=(2, 3)), roles["linear.weight"], roles["linear.bias"])


def match(found: Sequence[Found], weights: Mapping[str, Tensor], images: Tensor, logits: Tensor) -> Assignment | None:
    """Assign tensors to roles: the first order of definition that reproduces the logits; None where none does.

    Args:
        found: the tensors of the fresh network, see `classify_tensors`.
        weights: drawn afresh, so that an order does not reproduce the logits by accident.
        images: normalised, (N, 3, 32, 32).
        logits: what the student's network computes with these weights.
    """
    for names in _assignments(found):
        expected = logits_of(weights, names, images)
        if expected.shape == logits.shape and (expected - logits).abs().max() <= SAME * expected.abs().max():
            return names
    return None


def alike(logits: Tensor, expected: Tensor) -> bool:
    """Whether these are the logits of one network, computed on a CPU and on a GPU."""
    answers = (logits.argmax(dim=1) == expected.argmax(dim=1)).float().mean()
    correlation = torch.corrcoef(torch.stack([logits.flatten(), expected.flatten()]).double())[0, 1]
    return bool(answers >= ALIKE_ANSWERS and correlation >= ALIKE_LOGITS)  # False for what is not a number


def _assignments(found: Sequence[Found]) -> Iterator[Assignment]:
    """The 48 usual orders of definition, the most frequent first; none where the tensors do not fit."""
    tensors: dict[tuple, list[str]] = defaultdict(list)
    for one in found:
        tensors[_slot(one.kinds, one.shape)].append(one.name)
    for orders in itertools.product((False, True), (False, True), _CONVOLUTIONS, _BATCHNORMS):
        roles: dict[tuple, list[str]] = defaultdict(list)
        for name, kind, shape in _roles(*orders):
            roles[_slot(frozenset({kind}), squeeze_shape(shape))].append(name)
        if {slot: len(names) for slot, names in roles.items()} != {slot: len(n) for slot, n in tensors.items()}:
            return
        yield {role: name for slot in roles for role, name in zip(roles[slot], tensors[slot], strict=True)}


def _roles(
    backwards: bool = False,
    stem_last: bool = False,
    convolutions: tuple[str, ...] = _UNITS,
    batchnorms: tuple[str, ...] = _UNITS,
) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """(name, kind, shape) of every tensor, those of one kind and shape in the order of definition."""
    stem = [(f"stem.{r.name.partition('.')[2]}", r.kind, r.shape) for r in inventory(Block((_STEM,), None))]
    if not stem_last:
        yield from stem
    for place in reversed(_BLOCKS) if backwards else _BLOCKS:
        roles = inventory(_BLOCKS[place])
        for order, weights in ((convolutions, True), (batchnorms, False)):
            mine = [role for role in roles if (role.kind == "weight") == weights]
            for role in sorted(mine, key=lambda role, order=order: order.index(role.name.partition(".")[0])):
                yield f"{place}.{role.name}", role.kind, role.shape
    if stem_last:
        yield from stem
    for name, shape in _HEAD.items():
        yield f"linear.{name}", name, shape


def _slot(kinds: frozenset[str], shape: tuple[int, ...]) -> tuple:
    """Tensors in one slot cannot be told apart: same shape and, for vectors, same kind; a bias looks like a shift."""
    return shape, "beta" if kinds & {"beta", "bias"} else min(kinds)
