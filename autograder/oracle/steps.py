"""The right program as a table for students: its steps, and the shape that comes out of each."""

from dataclasses import dataclass

import torch

from autograder.oracle.interpreter import Memory, run
from autograder.oracle.program import DEFAULTS, Op, Program, basic_block, bottleneck, network


@dataclass(frozen=True)
class ShapeStep:
    """One step of a forward pass.

    Args:
        name: of its value, such as "conv1".
        words: what it does.
        shape: (N, C, H, W), or (N, C) in the head.
    """

    name: str
    words: str
    shape: tuple[int, ...]


EXAMPLES = {
    "q1": ("BasicBlock(64, 128, stride=2)", basic_block(64, 128, 2), (2, 64, 32, 32)),
    "q2": ("Bottleneck(64, 32, stride=2)", bottleneck(64, 32, 2), (2, 64, 32, 32)),
    "q3": ("ResNet(BasicBlock, [1, 1, 1, 1])", network(1, (1, 1, 1, 1), 10), (2, 3, 32, 32)),
}
"""For each question a module, its program, and the shape of an input."""
WORDS = {
    "conv": "{kernel}x{kernel} convolution, {in_planes} to {planes} channels, "
    "stride {stride}, padding {padding}, no bias",
    "norm": "BatchNorm",
    "act": "ReLU",
    "identity": "x itself",
    "block": "block({in_planes}, {planes}, {stride})",
    "combine": "F(x) + shortcut",
    "pool": "mean over height and width",
    "flatten": "flatten from dimension 1",
    "linear": "linear layer, {features} to {classes}",
}


def steps_of(program: Program, shape: tuple[int, ...]) -> list[ShapeStep]:
    """The steps of a right program on an input of this shape."""
    memory = Memory()
    weights = {role.name: torch.ones(role.shape) for role in program.roles}
    run(program, weights, torch.zeros(shape), False, memory)
    shapes = {step.op.name: tuple(step.value.shape) for step in memory.values()}
    return [ShapeStep(one.name, _words(one), shapes[one.name]) for one in program.ops]


def _words(one: Op) -> str:
    return WORDS[one.kind].format(**{**DEFAULTS, **dict(one.options)})
