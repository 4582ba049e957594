"""Dropout switched off in both modes: what a module computes besides is compared, and not what is random."""

import contextlib
from collections.abc import Callable, Collection
from typing import Any

import torch
import torch.nn.functional as F
from torch.overrides import TorchFunctionMode

DROPOUT = {
    *(F.dropout, F.dropout1d, F.dropout2d, F.dropout3d, F.alpha_dropout, F.feature_alpha_dropout),
    *(torch.dropout, torch.feature_dropout, torch.alpha_dropout, torch.feature_alpha_dropout),
    *(torch.dropout_, torch.feature_dropout_, torch.alpha_dropout_, torch.feature_alpha_dropout_),
}
"""What drops values at random; the layers, such as `nn.Dropout`, call these."""


class _WithoutDropout(TorchFunctionMode):
    """In this mode each of `DROPOUT` returns its input."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Collection[type],
        args: tuple = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        if func in DROPOUT:
            return args[0] if args else kwargs["input"]
        return func(*args, **kwargs)


def without_dropout(on: bool = True) -> contextlib.AbstractContextManager[Any]:
    """A context in which dropout returns its input, in this thread; one that changes nothing where `on` is False."""
    return _WithoutDropout() if on else contextlib.nullcontext()
