"""Small changes of a design that several subjects share; each returns the function that makes the change."""

from collections.abc import Callable
from dataclasses import replace

from autograder.oracle.design import Block, Network, change_layer, change_layers

BlockChange = Callable[[Block], Block | None]


def of_block(**changes) -> BlockChange:
    """Change fields of the block itself."""
    return lambda b: replace(b, **changes)


def of_layer(number: int, **changes) -> BlockChange:
    """Change one layer of F: 0 is the first, -1 the last."""
    return lambda b: change_layer(b, number, **changes)


def of_inner_layers(**changes) -> BlockChange:
    """Change every layer of F but the last: those that a ReLU follows."""

    def change(block: Block) -> Block:
        for number in range(len(block.layers) - 1):
            block = change_layer(block, number, **changes)
        return block

    return change


def of_residual(**changes) -> BlockChange:
    """Change every layer of F."""
    return lambda b: change_layers(b, **changes)


def of_shortcut(**changes) -> BlockChange:
    """Change the projection; nothing to change where the shortcut is the identity."""
    return lambda b: None if b.shortcut is None else replace(b, shortcut=replace(b.shortcut, **changes))


def of_network(**changes) -> Callable[[Network], Network]:
    """Change fields of the network itself."""
    return lambda n: replace(n, **changes)


def of_stem(**changes) -> Callable[[Network], Network]:
    """Change the stem's layer."""
    return lambda n: replace(n, stem=replace(n.stem, **changes))


def stride_of(block: Block) -> int:
    """The stride that the block was built with."""
    return max(layer.stride for layer in block.layers)


def widens(block: Block) -> bool:
    """Whether the number of channels changes."""
    return block.layers[0].in_planes != block.layers[-1].out_planes
