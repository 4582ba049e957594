"""Build a module without drawing its weights, for those who only want to know their shapes."""

from typing import Any
from unittest import mock

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

FILLS = (Tensor.normal_, Tensor.uniform_)
DRAWS = (torch.randn, torch.rand)

MOST_DRAWS = 1000
"""Draws that are left out for one module, before it is built with them: code may draw until it likes the numbers."""

INITS = [name for name, value in vars(nn.init).items() if name.endswith("_") and name[0] != "_" and callable(value)]


def _leave(tensor: Tensor, *_: Any, **__: Any) -> Tensor:
    return tensor


class TooManyDraws(Exception):
    """A module asks for random numbers again and again."""


class SkipInit(TorchFunctionMode):
    """Within this context tensors that were to be filled, at random or by `nn.init`, hold whatever was in their memory.

    Some functions of `nn.init`, such as `orthogonal_`, compute before they fill; so all of them are replaced.

    Raises:
        TooManyDraws: at the draw after `MOST_DRAWS`.

    The meta device would leave out more, but its first `normal_` imports PyTorch's compiler, which takes a second.
    """

    def __init__(self):
        super().__init__()
        self._draws = 0
        self._replaced = mock.patch.multiple(nn.init, **dict.fromkeys(INITS, _leave))

    def __enter__(self) -> "SkipInit":
        self._replaced.start()
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self._replaced.stop()

    def __torch_function__(self, function: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        if function in FILLS or function in DRAWS:
            self._draws += 1
            if self._draws > MOST_DRAWS:
                raise TooManyDraws
        if function in FILLS or getattr(function, "__module__", "") == nn.init.__name__:
            return args[0] if args else kwargs["tensor"]
        if function in DRAWS:
            return torch.empty(*args, **{key: value for key, value in kwargs.items() if key != "generator"})
        return function(*args, **kwargs)
