"""Build a module without drawing its weights, for those who only want to know their shapes."""

from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

FILLS = (Tensor.normal_, Tensor.uniform_)
DRAWS = (torch.randn, torch.rand)


class SkipInit(TorchFunctionMode):
    """Within this context tensors that were to be filled, at random or by `nn.init`, hold whatever was in their memory.

    The meta device would leave out more, but its first `normal_` imports PyTorch's compiler, which takes a second.
    """

    def __torch_function__(self, function: Any, types: Any, args: tuple = (), kwargs: dict | None = None) -> Any:
        kwargs = kwargs or {}
        if function in FILLS or getattr(function, "__module__", "") == nn.init.__name__:
            return args[0] if args else kwargs["tensor"]
        if function in DRAWS:
            return torch.empty(*args, **{key: value for key, value in kwargs.items() if key != "generator"})
        return function(*args, **kwargs)
