"""A list of layers taken for its layers: a star may be missing, and what the code computes besides is compared."""

import contextlib
from collections.abc import Iterator
from typing import Any

from torch import nn


@contextlib.contextmanager
def with_lists(on: bool = True) -> Iterator[None]:
    """A context, for the whole process, in which `nn.Sequential` takes a list for its layers, and an `nn.ModuleList`
    that is called calls its layers one after the other; one that changes nothing where `on` is False."""
    if not on:
        yield
        return
    nn.Sequential.__init__, nn.ModuleList.forward = _unpacking, _one_after_the_other
    try:
        yield
    finally:
        nn.Sequential.__init__ = _sequential
        del nn.ModuleList.forward


_sequential = nn.Sequential.__init__


def _unpacking(self: nn.Sequential, *layers: Any) -> None:
    flat = [layer for one in layers for layer in (one if isinstance(one, (list, tuple)) else [one])]
    _sequential(self, *flat)


def _one_after_the_other(self: nn.ModuleList, x: Any) -> Any:
    for layer in self:
        x = layer(x)
    return x
