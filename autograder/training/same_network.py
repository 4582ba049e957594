"""The network that is trained must be the one that the tests saw, also where its function is wrong.

The training process builds the network again. Code could notice where it runs, and build another one.
"""

from collections import Counter
from typing import Any

import torch

from autograder.student.message import CheckFailure, Message
from autograder.student.probe import calls_of
from autograder.student.state import state_of
from autograder.suite.blocks import layout, probe_weights
from autograder.training.inside.baseline_network import BasicBlock
from autograder.training.train_confined import Trained

NUM_BLOCKS = (2, 2, 2, 2)

Shapes = Counter[tuple[int, ...]]


def shapes_of_network(student: Any, own_block: bool) -> Shapes:
    """The shapes of the tensors of `ResNet18()`, with its own blocks or those of the baseline network."""
    probe = None if own_block else student.probe(1)
    net = student.ResNet18(basic_block=probe)
    with torch.no_grad():
        net.eval()(torch.randn(1, 3, 32, 32))  # lazy layers have their shapes after it
    shapes = Counter(tuple(value.shape) for value in state_of(net).values())
    for call in calls_of(probe, layout(1, NUM_BLOCKS)) if probe else ():
        (weight,) = probe_weights([call], 1)
        if shapes[weight]:  # blocks in a Python list are not in the state
            shapes[weight] -= 1
            shapes.update(tuple(value.shape) for value in BasicBlock(*call).state_dict().values())
    return +shapes


def require_same_network(trained: Trained, shapes: Shapes) -> None:
    """The trained weights must have these shapes.

    Raises:
        CheckFailure: they have not.
    """
    got = Counter(tuple(value.shape) for value in (trained.state or {}).values())
    if got == shapes:
        return
    missing, more = shapes - got, got - shapes
    parts = [f"{count.total()} {what}, such as {next(iter(count))}" for what, count in _named(missing, more)]
    raise CheckFailure(
        Message(
            expected="the network that is trained has the layers of the one that ResNet18() returns in other checks",
            got=f"other tensors in its state: {'; '.join(parts)}",
            hint="does ResNet18() ask where it is called, or what `BasicBlock` is?",
        )
    )


def _named(missing: Shapes, more: Shapes) -> list[tuple[str, Shapes]]:
    return [(what, count) for what, count in (("missing", missing), ("that the other lacks", more)) if count]
