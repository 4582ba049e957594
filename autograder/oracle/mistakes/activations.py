"""Other activations than ReLU."""

from collections.abc import Iterator
from dataclasses import replace

from autograder.oracle.design import Block, change_layers
from autograder.oracle.mistakes.changes import BlockChange, of_block, of_inner_layers
from autograder.oracle.mistakes.entry import BLOCKS, PAPER_BLOCK, Mistake

OTHERS = {
    "leaky_relu": "a leaky ReLU",
    "leaky_relu_0.1": "a leaky ReLU",
    "leaky_relu_0.2": "a leaky ReLU",
    "gelu": "GELU",
    "silu": "SiLU (Swish)",
    "elu": "ELU",
    "sigmoid": "a sigmoid",
    "tanh": "tanh",
    "relu6": "ReLU6",
}
"""A key of `reference.ACTIVATIONS`: what a student calls it."""


def _everywhere(activation: str) -> BlockChange:
    def change(block: Block) -> Block:
        return replace(change_layers(block, activation=activation), last_activation=activation)

    return change


def _entries() -> Iterator[Mistake]:
    for activation, called in OTHERS.items():
        name = activation.split("_0.")[0]
        for change, place in (
            (_everywhere(activation), f"Your block uses {called}"),
            (of_inner_layers(activation=activation), f"Between your convolutions there is {called}"),
            (of_block(last_activation=activation), f"After the addition there is {called}"),
        ):
            yield Mistake(name, BLOCKS, change, f"{place}; the paper's blocks use ReLU.", PAPER_BLOCK)


ACTIVATIONS = tuple(_entries())
