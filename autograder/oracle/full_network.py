"""The reference ResNet-18: its logits for a set of weights, whatever the student calls them.

A network whose `ResNet` and `BasicBlock` are proved right computes the same, so the logits that a training process
reports can be compared with those of its trained weights.
"""

import itertools
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import torch
from torch import Tensor

from autograder.oracle.interpreter import run
from autograder.oracle.matching import Assignment, Found, without_other_buffers
from autograder.oracle.program import Program, Role, basic_block, network, squeeze_shape

_CONVOLUTIONS = (("conv1", "conv2", "shortcut_conv"), ("conv2", "conv1", "shortcut_conv"))
"""Orders of the convolutions in a block; the shortcut's is recognised by its shape."""
_BATCHNORMS = tuple(itertools.permutations(("bn1", "bn2", "shortcut")))


def resnet18() -> Program:
    """ResNet-18 with its basic blocks."""
    return replace(network_of_blocks((2, 2, 2, 2)), kind="ResNet18")


def network_of_blocks(num_blocks: Sequence[int]) -> Program:
    """A network with its basic blocks, and ten classes: the values of a block are called "stage2.0.conv1" and so on."""
    made = network(1, tuple(num_blocks), 10)
    ops, values = [], {}
    for one in made.ops:
        inputs = tuple(values.get(value, value) for value in one.inputs)
        if one.kind != "block":
            ops.append(one.but(inputs=inputs))
            continue
        inside = basic_block(one["in_planes"], one["planes"], one["stride"])
        for o in inside.ops:
            named = tuple(inputs[0] if value == "x" else f"{one.name}.{value}" for value in o.inputs)
            ops.append(o.but(name=f"{one.name}.{o.name}", inputs=named))
        values[one.name] = f"{one.name}.{inside.output}"
    return Program("ResNet", (), tuple(ops))


_RESNET18 = resnet18()
_BLOCKS = [f"stage{stage}.{index}" for stage in range(1, 5) for index in range(2)]
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
    tensors = {role: weights[name].to(images.dtype) for role, name in names.items()}
    with torch.no_grad():
        return run(_RESNET18, tensors, images, training=False).output


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
    for one in without_other_buffers(found, _RESNET18.roles):
        tensors[_slot(one.kinds, one.shape)].append(one.name)
    for orders in itertools.product((False, True), (False, True), _CONVOLUTIONS, _BATCHNORMS):
        roles: dict[tuple, list[str]] = defaultdict(list)
        for role in sorted(_RESNET18.roles, key=lambda role, orders=orders: _position(role, *orders)):
            roles[_slot(frozenset({role.kind}), squeeze_shape(role.shape))].append(role.name)
        if {slot: len(names) for slot, names in roles.items()} != {slot: len(n) for slot, n in tensors.items()}:
            return
        yield {role: name for slot in roles for role, name in zip(roles[slot], tensors[slot], strict=True)}


def _position(role: Role, backwards: bool, stem_last: bool, *orders: tuple[str, ...]) -> tuple[int, int, int]:
    """Where a tensor is defined: its block, and its place among the convolutions or BatchNorms of the block."""
    place, _, layer = role.name.rpartition(".")[0].rpartition(".")
    if not place:
        return (-1 if role.name.startswith(("conv", "bn")) and not stem_last else len(_BLOCKS), 0, 0)
    block = _BLOCKS.index(place)
    convolutions, batchnorms = orders
    order = convolutions if role.kind == "weight" else batchnorms
    return (-block - 1 + len(_BLOCKS) if backwards else block, order is batchnorms, order.index(layer))


def _slot(kinds: frozenset[str], shape: tuple[int, ...]) -> tuple:
    """Tensors in one slot cannot be told apart: same shape and, for vectors, same kind; a bias looks like a shift."""
    return shape, "beta" if kinds & {"beta", "bias"} else min(kinds)
