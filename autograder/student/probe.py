"""A probe block: what `ResNet` is judged with, so that a broken `BasicBlock` costs nothing in q3.

A probe has the constructor of a residual block, `(in_planes, planes, stride=1)`, and the simplest arithmetic
that still depends on all three: `relu(conv1x1(x))` with a stride, no bias, no shortcut. Its only parameter,
of shape `(expansion * planes, in_planes, 1, 1)`, shows where `ResNet` put it. With BatchNorm before the ReLU it shows
what `ResNet` does to the BatchNorms of its blocks. Further arguments are ignored, and kept for a message: a wrong call
costs the check that is about calls.
"""

import operator
import weakref
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from inspect import Parameter, Signature
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from autograder.student import draw

CONTRACT = ("in_planes", "planes", "stride")
_KIND = Parameter.POSITIONAL_OR_KEYWORD
_SIGNATURE = Signature(
    [*(Parameter(name, _KIND) for name in ("self", *CONTRACT[:2])), Parameter(CONTRACT[2], _KIND, default=1)]
)
"""What `inspect.signature` says: code may choose its arguments by that."""
Call = tuple[int, int, int]
"""`(in_planes, planes, stride)`: what a network builds a block with."""


class WrongWiring(RuntimeError):
    """A probe was called with other arguments, or receives an input without the channels that it was built for."""


def wiring_message(number: int, in_planes: int, x: Tensor) -> str:
    """What a probe says, the one with that number, about an input that it was not built for."""
    return (
        f"block {number} was built with in_planes={in_planes}, but it receives an input of shape {tuple(x.shape)}: "
        "in_planes must be the number of channels that come out of the layer before it (expansion * planes of the "
        "previous block)"
    )


@dataclass
class _Record:
    """The blocks of one probe class that were built: how, and a reference to each."""

    built: list[tuple[Call, weakref.ref]] = field(default_factory=list)
    foreign_call: str = ""


class _FromRecord:
    """An attribute of a probe class. A class that a student derives from it may have its own of that name."""

    def __init__(self, read: Callable[[_Record], Any]):
        self._read = read

    def __get__(self, probe: Any, _: type) -> Any:
        return self._read(_records[probe])


class _ProbeClass(type):
    """The class of probe classes."""

    calls = _FromRecord(lambda record: [call for call, _ in record.built])
    """`(in_planes, planes, stride)` of every block that was built, in order; a copy was built as well."""
    kept = _FromRecord(lambda record: [call for call, block in record.built if block() is not None])
    """Those of the blocks that are still there: one may be built only to look at its output."""
    foreign_call = _FromRecord(lambda record: record.foreign_call)


_records: weakref.WeakKeyDictionary[type, _Record] = weakref.WeakKeyDictionary()


def calls_of(probe: Any, expected: Sequence[Call]) -> list[Call]:
    """How the blocks of a network were built: those that are kept where these are the expected ones, or else all."""
    return kept if sorted(kept := probe.kept) == sorted(expected) else probe.calls


def make_probe(expansion: int = 1, norm: bool = False) -> type[nn.Module]:
    """Return a fresh probe class; `probe.calls` lists `(in_planes, planes, stride)` of every probe built.

    `probe.foreign_call` is the first call with other arguments, in words; "" where there is none. The class is new at
    each call, so that one test's record never holds another's. A network may derive a class from it, and set attributes
    of its blocks: `self.stride`, say.
    """
    record = _Record()

    class Probe(nn.Module, metaclass=_ProbeClass):
        def __init__(self, *args: Any, **kwargs: Any):
            super().__init__()
            if len(args) > len(CONTRACT) or kwargs.keys() - set(CONTRACT):
                record.foreign_call = record.foreign_call or _call_in_words(args, kwargs)
            self._built_with = in_planes, planes, _ = _arguments(args, kwargs)
            width = expansion * planes
            self.weight = nn.Parameter(_random(width, in_planes))
            self.bn = nn.BatchNorm2d(width) if norm else None
            self._enter()

        __init__.__signature__ = _SIGNATURE

        def __setstate__(self, state: dict[str, Any]):
            super().__setstate__(state)
            self._enter()  # a copy is a block as well

        def _enter(self):
            record.built.append((self._built_with, weakref.ref(self)))
            self._number = len(record.built)

        def forward(self, x: Tensor) -> Tensor:
            """(N, in_planes, H, W) -> (N, expansion * planes, H / stride, W / stride)."""
            in_planes, _, stride = self._built_with
            if x.dim() != 4 or x.shape[1] != in_planes:
                raise WrongWiring(wiring_message(self._number, in_planes, x))
            out = F.conv2d(x, self.weight, stride=stride)
            return F.relu(self.bn(out) if norm else out)

    _records[Probe] = record
    Probe.expansion = expansion
    Probe.__qualname__ = Probe.__name__ = f"Probe{expansion}"
    Probe.__module__ = "checks"  # PyTorch writes it into messages
    return Probe


def _arguments(args: tuple, kwargs: dict[str, Any]) -> tuple[int, int, int]:
    """The contract's arguments of a call. A number under another name takes the place of one that is missing."""
    found = {"stride": 1} | dict(zip(CONTRACT, args, strict=False))
    found |= {name: kwargs[name] for name in CONTRACT if name in kwargs}
    others = [value for name, value in kwargs.items() if name not in CONTRACT and type(value) is int]
    for name in CONTRACT[:2]:
        if name not in found and others:
            found[name] = others.pop(0)
    try:
        in_planes, planes, stride = (operator.index(found[name]) for name in CONTRACT)
    except (KeyError, TypeError):
        asked = "the question says block(in_planes, planes, stride), three whole numbers"
        raise WrongWiring(f"your ResNet calls {_call_in_words(args, kwargs)}; {asked}") from None
    if min(in_planes, planes, stride) < 1:
        numbers = f"in_planes={in_planes}, planes={planes}, stride={stride}"
        raise WrongWiring(f"your ResNet calls a block with {numbers}; each must be 1 or more")
    return in_planes, planes, stride


def _call_in_words(args: tuple, kwargs: dict[str, Any]) -> str:
    """`block(64, 128, 2, Sequential) with 4 arguments`."""
    written = [*map(_in_words, args), *(f"{name}={_in_words(value)}" for name, value in kwargs.items())]
    return f"block({', '.join(written)[:200]}) with {len(written)} argument{'s' if len(written) != 1 else ''}"


def _in_words(value: Any) -> str:
    return repr(value) if type(value) in (int, float, bool, type(None)) else type(value).__name__


def _random(width: int, in_planes: int) -> Tensor:
    """A weight of shape (width, in_planes, 1, 1) for a ReLU network."""
    return draw.normal((width, in_planes, 1, 1)).mul_((2.0 / in_planes) ** 0.5)
