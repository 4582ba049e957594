"""Whether a network is built of the block that it is given, and uses every one: q3 and q4 ask for that."""

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from autograder.student.draw import uniform
from autograder.student.errors import NOT_ABOUT_THE_CODE
from autograder.student.held_blocks import held_blocks
from autograder.student.passes import gradient_norms
from autograder.student.probe import Call, calls_of
from autograder.student.state import load_state
from autograder.suite import expect

PLANES = (64, 128, 256, 512)
"""Planes of the four stages."""


def layout(expansion: int, num_blocks: Sequence[int]) -> list[Call]:
    """The (in_planes, planes, stride) with which `ResNet` must build its blocks, in order."""
    blocks, in_planes = [], PLANES[0]
    for planes, count, stride in zip(PLANES, num_blocks, (1, 2, 2, 2), strict=True):
        for i in range(count):
            blocks.append((in_planes, planes, stride if i == 0 else 1))
            in_planes = planes * expansion
    return blocks


def probe_weights(calls: Sequence[Call], expansion: int) -> list[tuple[int, ...]]:
    """The shapes of the weights of probe blocks."""
    return [(expansion * planes, in_planes, 1, 1) for in_planes, planes, _ in calls]


def assert_built_of_blocks(student: Any, num_blocks: Sequence[int], build: Callable[[Any], Any]) -> None:
    """A network must be built of the block that it is given, and its logits must depend on every block.

    It is built of probe blocks. Where that cannot be, because `ResNet` reads attributes that a probe does not have or
    always builds the same block, it is built of the student's own `BasicBlock`.

    Args:
        student: the student's classes.
        num_blocks: of the network.
        build: returns the network, made of blocks of the given class.
    """
    probe = student.probe(1)
    try:
        net, x = build(probe), _images()
        calls = calls_of(probe, layout(1, num_blocks))
        state = expect.scramble(net)
        net.eval()
        if not (gradients := _gradients(net, x)):
            net(x)
    except NOT_ABOUT_THE_CODE:
        raise
    except Exception:
        calls = []
    if len(calls) < sum(num_blocks):
        net = build(student.BasicBlock)
        assert_depends_on(net, assert_holds_own_blocks(student, num_blocks, net))
        return
    shapes = probe_weights(calls, 1)
    held = [value for value in state.values() if tuple(value.shape) in shapes]
    if len(held) < sum(num_blocks):  # blocks in a Python list, which q3 charges: their weights are not in the state
        another = build(probe)
        load_state(another, state)
        statement = "the logits depend on the blocks that ResNet builds"
        expect.assert_differ(
            expect.in_eval_mode(another)(x), net(x), statement, "the same logits with other blocks", UNUSED
        )
    assert_depends_on(net, set(shapes), state, gradients)


def assert_holds_own_blocks(student: Any, num_blocks: Sequence[int], net: Any) -> set[tuple[int, ...]]:
    """Among the parameters of `net` must be those of its blocks, of the class `BasicBlock`; returns their shapes."""
    shapes, missing = held_blocks(student, net, layout(1, num_blocks))
    if missing is not None:
        expect.fail(BUILT, f"no BasicBlock{missing} with its convolutions in the network", CALL_BLOCK)
    return shapes


def assert_depends_on(
    net: Any,
    shapes: Collection[tuple[int, ...]],
    state: dict[str, Tensor] | None = None,
    gradients: Mapping[str, float | None] | None = None,
) -> None:
    """The logits of `net` must depend on each tensor of its state that has one of these shapes.

    A gradient that is not zero shows it, or else another value does: a block may be detached.

    Args:
        state: random weights, see `scrambled`, and
        gradients: the norms of those of the parameters in eval mode, where these are known.
    """
    state = expect.scramble(net) if state is None else state
    x = _images()
    if gradients is None:
        net.eval()
        gradients = _gradients(net, x)
    left = [key for key, value in state.items() if tuple(value.shape) in shapes and not _is_reached(gradients, key)]
    if not left:
        return
    load_state(net, state)
    net.eval()
    logits = net(x)
    expect.assert_tensor(logits, "a network returns logits")
    for key in left:
        value = state[key]
        # Each value by another factor: one factor for all would cancel out in a BatchNorm.
        load_state(net, {**state, key: value * uniform(value.shape).to(value.dtype)})
        statement = f"the logits depend on every block: {key} {tuple(value.shape)} too"
        expect.assert_differ(net(x), logits, statement, "the same logits with another weight", UNUSED)


def every_parameter_is_reached(net: Any, x: Tensor) -> bool:
    """Whether in train mode a gradient that is not zero reaches every parameter, with the weights that there are."""
    net.train()
    gradients = _gradients(net, x)
    return bool(gradients) and all(_is_reached(gradients, name) for name in gradients)


def _gradients(net: Any, x: Tensor) -> dict[str, float | None]:
    """The norms of the gradients of the parameters; none where the network cannot be run, or nothing has a gradient."""
    try:
        logits = net(x)
        expect.assert_tensor(logits, "")
        logits.backward(torch.randn_like(logits))
        return gradient_norms(net)
    except NOT_ABOUT_THE_CODE:
        raise
    except Exception:
        return {}


def _is_reached(gradients: Mapping[str, float | None], name: str) -> bool:
    return (gradients.get(name) or 0.0) > 0


def _images() -> Tensor:
    return torch.randn(1, 3, 32, 32)  # one is enough in eval mode


CALL_BLOCK = "does _make_layer call `block`, once for each block?"
BUILT = "the network is built of blocks: ResNet calls block(in_planes, planes, stride) for each"
UNUSED = "is it used in forward?"
