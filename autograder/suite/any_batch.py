"""Compare a module with a reference on batches of all kinds, in both modes: the question must not decide the answer."""

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from autograder.student.draw import normal
from autograder.student.message import CheckFailure
from autograder.student.passes import outputs_of
from autograder.suite import expect

ROUNDING = 1e-4
"""Largest difference, relative to the largest value, between outputs that are the same."""


def batches(channels: int, height: int, width: int) -> dict[str, Tensor]:
    """Batches of images (N, channels, height, width) of every kind, by name."""
    shape = (channels, height, width)
    pixel = torch.zeros(1, *shape)
    pixel[:, 0, height // 2, width // 2] = -3.0
    return {
        "16 images": torch.randn(16, *shape),
        "4 images without negative values, as after a ReLU": torch.randn(4, *shape).relu(),
        "one image": torch.randn(1, *shape),
        "an image with one pixel that is not zero": pixel,
        "an image of large values": 100 * torch.randn(1, *shape),
        "an image of nearly equal values": 0.5 + 0.01 * torch.randn(1, *shape),
        "an image of equal values": torch.full((1, *shape), 0.5),
    }


def assert_same_on_any_batch(
    module: Any, reference: nn.Module, given: dict[str, Tensor], what: str, otherwise: Callable[[], None]
) -> None:
    """With the same weights, `module` must return what `reference` returns: in eval, in train, again in eval mode.

    In train mode BatchNorm divides a constant by its spread of zero: what comes out is rounding, and is not compared.
    So it is with a batch of nearly constant channels, see `is_stable`.

    Args:
        module: the student's; tensors of one shape get equal values, so which is which need not be known.
        reference: what it must compute.
        given: batches by name, see `batches`.
        what: the module in words.
        otherwise: called before this fails; raises where the reason is another one than the batch.
    """
    kernels, vectors = [], set()
    for parameter in reference.parameters():
        if parameter.dim() > 1:
            kernels.append(normal(parameter.shape) * (2.0 / parameter[0].numel()) ** 0.5)
        else:
            vectors.add(parameter.numel())
    scales = {length: torch.rand(length) + 0.5 for length in vectors}
    shifts = {length: torch.rand(length) - 0.5 for length in vectors}
    for one in (module, reference):
        expect.set_vectors(expect.set_weights(one, kernels), scales, shifts)
    varied = [name for name, x in given.items() if x.min() < x.max()]
    with torch.no_grad():
        for mode, names in (("eval", list(given)), ("train", varied), ("eval again", ["one image"])):
            training = mode == "train"
            module.train(training)
            reference.train(training)
            outputs = outputs_of(module, [given[name] for name in names])
            wrong, alike = {}, []
            for name, output in zip(names, outputs, strict=False):  # they end with the first that is no tensor
                right = reference(given[name])
                try:
                    expect.assert_same(output, right, "", "")
                    alike.append((output, right))
                except CheckFailure as failure:
                    if not training or is_stable(reference, given[name]):
                        wrong[name] = failure.message.got
            if wrong:
                otherwise()
                name, got = next(iter(wrong.items()))
                exactly = any(bool((y - right).abs().max() <= ROUNDING * right.abs().max()) for y, right in alike)
                expect.fail(*_explained(mode, what, name if exactly else "", got))


def _explained(mode: str, what: str, name: str, got: str) -> tuple[str, str, str]:
    """Expected, got and hint: what a module computes depends on the batch, on earlier passes, or on neither.

    Args:
        name: of a batch, "" where all differ.
    """
    if mode == "eval again":
        statement = f"in eval mode, after passes in train mode, {what} uses the running statistics that these left"
        return statement, got, "train mode changes the running statistics, with PyTorch's momentum, and nothing else"
    if name:
        statement = f"in {mode} mode, {what} computes the same function of {name} as of any other batch"
        return statement, got, "does forward ask for the size of the batch or for the values in it? It should not"
    statement = f"in {mode} mode, {what} computes the function that the question asks for"
    return statement, got, "so it is with every batch: is a layer changed after it is built, or has it other arguments?"


def is_stable(reference: nn.Module, x: Tensor) -> bool:
    """Whether the output for `x` in train mode depends on rounding a hundred times less than two outputs may differ."""
    single, double = copy.deepcopy(reference).train(), copy.deepcopy(reference).train().double()
    with torch.no_grad():
        exact = double(x.double())
        error = (single(x) - exact).abs().max()
    return bool(error <= expect.RELATIVE / 100 * exact.abs().max())
