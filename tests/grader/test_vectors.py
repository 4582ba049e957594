"""Checks tell what scales from what shifts, and both from the bias of a convolution, without being told."""

import pytest
import torch
from torch import nn

from autograder.suite import expect


class Block(nn.Module):
    """Two 3x3 convolutions and BatchNorms, whose vectors are those that `define` adds to it."""

    def __init__(self, define):
        super().__init__()
        define(self)


def ones():
    return nn.Parameter(torch.ones(8))


def zeros():
    return nn.Parameter(torch.zeros(8))


def small():
    return nn.Parameter(0.02 * torch.randn(8))


def conv(bias=False):
    return nn.Conv2d(8, 8, 3, bias=bias)


def one_after_another(block):
    block.a1, block.b1, block.a2, block.b2 = ones(), zeros(), zeros(), zeros()


def last_first(block):
    block.b2, block.a2, block.b1, block.a1 = zeros(), ones(), zeros(), ones()


def small_values(block):
    block.a1, block.b1, block.a2, block.b2 = small(), zeros(), small(), zeros()


def lists(block):
    block.a, block.b = nn.ParameterList([ones(), ones()]), nn.ParameterList([zeros(), zeros()])


def named(block):
    block.beta, block.gamma = nn.ParameterList([zeros(), zeros()]), nn.ParameterList([zeros(), small()])


def beside_kernels(block):
    block.first, block.second = conv(bias=True), conv(bias=True)
    block.a1, block.a2 = ones(), ones()


@pytest.mark.parametrize(
    ("define", "scales"),
    [
        (one_after_another, {"a1", "a2"}),
        (last_first, {"a1", "a2"}),
        (small_values, {"a1", "a2"}),
        (lists, {"a.0", "a.1"}),
        (named, {"gamma.0", "gamma.1"}),
        (beside_kernels, {"a1", "a2"}),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_scales_and_shifts(define, scales):
    block = expect.shift_batchnorms(Block(define), 0.25)
    vectors = {name: value for name, value in block.named_parameters() if value.dim() == 1}
    for name, value in vectors.items():
        assert torch.equal(value, torch.full((8,), 1.0 if name in scales else 0.25)), name


def biases_and_batchnorms(block):
    block.first, block.second, block.bn1, block.bn2 = conv(bias=True), conv(bias=True), *map(nn.BatchNorm2d, (8, 8))
    nn.init.zeros_(block.bn2.weight)


def biases_alone(block):
    block.first, block.second = conv(bias=True), conv(bias=True)


@pytest.mark.parametrize("define", [biases_and_batchnorms, biases_alone], ids=lambda value: value.__name__)
def test_the_bias_of_a_convolution_stays(define):
    block = Block(define)
    before = block.first.bias.clone(), block.second.bias.clone()
    expect.shift_batchnorms(block, 0.25)
    assert torch.equal(block.first.bias, before[0])
    assert torch.equal(block.second.bias, before[1])
