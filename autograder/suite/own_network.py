"""A network of the student's own blocks: `ResNet` must leave them as `BasicBlock` builds them.

The other checks of `ResNet` give it probes, in which it cannot reach what only a residual block has. This network has
five million values, which take long to draw and to send, so it is built once and looked at as it is.
"""

import functools
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from autograder.oracle import judge_block
from autograder.oracle.full_network import network_of_blocks
from autograder.oracle.interpreter import run
from autograder.oracle.matching import assignments, classify_tensors, untranspose, without_other_buffers
from autograder.oracle.program import Program
from autograder.oracle.small_images import CIFAR10, TINY
from autograder.student.errors import NOT_ABOUT_THE_CODE, GraderBroken, StudentCrash, StudentTimeout
from autograder.student.local import NotDefined
from autograder.student.message import CheckFailure
from autograder.student.passes import on_behalf_of, settle
from autograder.student.probe import calls_of
from autograder.student.state import parameters_of, state_of
from autograder.suite import expect
from autograder.suite.blocks import layout
from autograder.suite.start import assert_learns_from_start, starts_as_usual

NUM_BLOCKS = (1, 1, 1, 1)
WRITTEN = "ResNet(BasicBlock, [1, 1, 1, 1])"
SHAPES = layout(1, NUM_BLOCKS)
"""The (in_planes, planes, stride) of its blocks."""
LIKELIEST = 4
"""Assignments of tensors to roles that are tried, in each order of definition."""
SIDES = (32, 32, 16, 8)
"""Height and width of what each of them gets, where the images are 32x32."""


@dataclass(frozen=True)
class Look:
    """What a look at the network shows.

    Args:
        reason: why it does not learn, although its blocks do; None where it learns or a block itself is wrong.
        agrees: whether it computes what the reference does; False also where the look does not show it.
        built: whether there is such a network.
    """

    reason: Exception | None
    agrees: bool
    built: bool = True


_looks: WeakKeyDictionary[Any, Look] = WeakKeyDictionary()


def assert_own_blocks_learn(student: Any) -> None:
    """Every parameter of a network of the student's own blocks must learn, if those of the blocks alone do.

    It passes where a block itself is wrong: its question charges that.
    """
    if (reason := look_at_own_network(student).reason) is not None:
        raise reason


def look_at_own_network(student: Any) -> Look:
    """Whether a network of the student's own blocks learns and computes what it should; looked at once."""
    _ = student.ResNet  # the check depends on these names, and so says the journal of the suite
    try:
        _ = student.BasicBlock
    except NotDefined:  # its question charges that
        return Look(None, agrees=False, built=False)
    if student not in _looks:
        settle(student)
        try:
            _looks[student] = _look(student)
        except (StudentCrash, StudentTimeout):
            if blocks_run(student):
                raise
            _looks[student] = Look(None, agrees=False, built=False)
    return _looks[student]


def blocks_run(student: Any) -> bool:
    """Whether the student's blocks return something when they are built by themselves; q1 charges it if not."""
    settle(student)  # what it raises is not about blocks
    with on_behalf_of(student, "q1"):
        try:
            for in_planes, planes, stride in SHAPES[:2]:
                block = student.BasicBlock(in_planes, planes, stride)
                for training in (True, False):
                    block.train(training)
                    block(torch.randn(2, in_planes, 4, 4))
            settle(student)
        except GraderBroken:
            raise
        except Exception:
            return False
    return True


def _look(student: Any) -> Look:
    if not student.has_own_blocks:
        return Look(None, agrees=True)
    try:
        net = student.ResNet(student.BasicBlock, NUM_BLOCKS)
        parameters = dict(net.named_parameters())
    except NOT_ABOUT_THE_CODE:
        raise
    except Exception as error:
        is_charged = _is_foreign_call(student) or not _blocks_learn(student)
        return Look(None if is_charged else error, agrees=False, built=False)
    try:
        if frozen := [name for name, parameter in parameters.items() if not parameter.requires_grad]:
            expect.fail(
                f"every parameter of {WRITTEN} learns: its requires_grad is True",
                f"requires_grad is False in {', '.join(frozen[:6])}",
                "a block's layers learn unless somebody freezes them: does ResNet set requires_grad?",
                "blocks_frozen",
                "Your ResNet freezes layers of its blocks: they keep the random values that they start with.",
            )
        if not starts_as_usual(net):
            assert_learns_from_start(student, net, torch.randn(2, 3, *CIFAR10), WRITTEN)
            expect.neutral_batchnorms(net)  # one that starts at zero hides what its block computes
    except NOT_ABOUT_THE_CODE:
        raise
    except Exception as error:
        return Look(error if _blocks_learn(student) else None, agrees=False)
    return Look(None, _agrees(net))


def _is_foreign_call(student: Any) -> bool:
    """Whether `ResNet` gives blocks other arguments than the question says; another check charges that."""
    probe = student.probe(1)
    try:
        student.ResNet(probe, NUM_BLOCKS)
        calls_of(probe, SHAPES)
    except NOT_ABOUT_THE_CODE:
        raise
    except Exception:
        return False
    return bool(probe.foreign_call)


def assert_fit_for_a_network(student: Any) -> None:
    """What a network relies on, besides the function of a block: `BasicBlock.expansion`, and the default of stride."""
    expect.assert_expansion(student.BasicBlock, 1, "BasicBlock")
    block = student.BasicBlock(8, 8)
    output = expect.in_eval_mode(block)(torch.zeros(1, 8, 4, 4))
    expect.assert_shape(output, (1, 8, 4, 4), "BasicBlock(8, 8) keeps the shape")


def _blocks_learn(student: Any) -> bool:
    """Whether the student's blocks, built without `ResNet`, are right and learn from the values they start with."""
    try:
        assert_fit_for_a_network(student)
        for in_planes, planes, stride in SHAPES[:2]:
            judge_block(student, "BasicBlock", in_planes, planes, stride, aspect="eval").require()
            block = student.BasicBlock(in_planes, planes, stride)
            if not all(parameter.requires_grad for _, parameter in block.named_parameters()):
                return False
            assert_learns_from_start(student, block, torch.randn(2, in_planes, 4, 4), "BasicBlock")
    except NOT_ABOUT_THE_CODE:
        raise
    except Exception:
        return False
    return True


def _agrees(net: Any) -> bool:
    """Whether a network computes what the reference does in train mode, and after that in eval mode."""
    batches = [torch.randn(5, 3, *TINY)]  # more than four images: a block may treat larger batches otherwise
    with torch.no_grad():
        try:
            names = frozenset(parameters_of(net))
            state = {n: v.detach() if n in names else v.detach().clone() for n, v in state_of(net).items()}
            try:
                net.train()
                trained = net(batches[0])
            except NOT_ABOUT_THE_CODE:
                raise
            except Exception:  # a pooling of a fixed size: running statistics are as after this batch all the same
                batches.append(torch.randn(2, 3, *CIFAR10))
                trained = net(batches[1])
            evaluated = expect.in_eval_mode(net)(batches[-1][:1])
        except NOT_ABOUT_THE_CODE:
            raise
        except Exception:
            return False
        return any(one.returns(batches, trained, evaluated) for one in _references(state, names))


class _Reference:
    """The reference network with some weights, and its running statistics."""

    def __init__(self, weights: dict[str, Tensor]):
        self._weights = weights

    def returns(self, batches: Sequence[Tensor], trained: Any, evaluated: Any) -> bool:
        """Whether it returns the same for the last batch in train mode, and for its first image in eval mode."""
        for x in batches:
            result = run(_program(), self._weights, x, training=True)
            self._weights = self._weights | result.statistics
        if not _is_same(trained, result.output):
            return False
        return _is_same(evaluated, run(_program(), self._weights, batches[-1][:1], training=False).output)


@functools.cache
def _program() -> Program:
    return network_of_blocks(NUM_BLOCKS)


def _references(state: Mapping[str, Tensor], parameters: frozenset[str]) -> Iterator[_Reference]:
    """The reference with the tensors of a state, by the likeliest assignments to its roles, in the two usual orders."""
    roles = _program().roles
    found = without_other_buffers(classify_tensors(state, parameters), roles)
    found, transposed = untranspose(found, _program())
    values = {name: value.T if name in transposed else value for name, value in state.items()}
    orders = (itertools.islice(assignments(roles, order), LIKELIEST) for order in (found, found[::-1]))
    for names in itertools.chain.from_iterable(orders):
        yield _Reference({role.name: values[names[role.name]].reshape(role.shape) for role in roles})


def _is_same(value: Any, expected: Tensor) -> bool:
    try:
        expect.assert_same(value, expected, "")
    except CheckFailure:
        return False
    return True
