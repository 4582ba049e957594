"""Choose image size, memory layout and precision for a network on this device: the fastest that its code allows."""

import contextlib
from dataclasses import dataclass, replace
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from autograder.training.inside.pixels import SIDE, enlarge, normalize

CLASSES = 10


class GlobalPooling(TorchFunctionMode):
    """Lets a window of `avg_pool2d` that is larger than the feature map cover the whole map.

    The last map of ResNet-18 is 4x4 for images of 32x32, so `avg_pool2d(x, 4)` is global there, and right. For reduced
    images the map is smaller.
    """

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Call any function of PyTorch, this one with a smaller window."""
        if func is F.avg_pool2d:
            return _pool(*args, **kwargs or {})
        return func(*args, **kwargs or {})


def _pool(x: Tensor, kernel_size: Any, *args: Any, **kwargs: Any) -> Tensor:
    height, width = kernel_size if isinstance(kernel_size, tuple | list) else (kernel_size, kernel_size)
    return F.avg_pool2d(x, (min(height, x.shape[-2]), min(width, x.shape[-1])), *args, **kwargs)


@dataclass(frozen=True)
class Way:
    """How a step is computed: memory layout of images and weights; half-precision type, or None for float32.

    `enlarged` says that the network takes reduced images only in their old size.
    """

    layout: torch.memory_format
    half: torch.dtype | None
    enlarged: bool = False

    def logits(self, net: nn.Module, images: Tensor) -> Tensor:
        """float32 logits (N, 10) for uint8 (N, 3, H, W) images."""
        pictures = normalize(enlarge(images) if self.enlarged else images).contiguous(memory_format=self.layout)
        half = torch.autocast(images.device.type, self.half) if self.half else contextlib.nullcontext()
        with half, GlobalPooling():
            logits = net(pictures)
        return as_logits(logits, len(images))


PLAIN = Way(torch.contiguous_format, None)
"""What every right network takes."""


def _ways(device: torch.device) -> list[Way]:
    """Fastest first. Not every right network supports each: `view` needs one layout, custom layers may need float32."""
    last, first = torch.channels_last, torch.contiguous_format
    if device.type == "cuda":
        half = torch.bfloat16 if torch.cuda.is_bf16_supported(False) else torch.float16
    elif _cpu_has_bf16():
        half = torch.bfloat16
    else:
        return [Way(last, None), PLAIN]
    return [Way(last, half), Way(first, half), PLAIN]


def _cpu_has_bf16() -> bool:
    """Whether the processor has bfloat16 instructions: twice as fast then; emulated by PyTorch, far slower."""
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()  # only newer versions of PyTorch have it
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def fastest_way(net: nn.Module, images: Tensor, labels: Tensor, device: torch.device) -> Way:
    """Try one step without its update. It updates running statistics once, which does not affect the result."""
    ways = _ways(device)
    if images.shape[-1] < SIDE:
        ways += [replace(way, enlarged=True) for way in ways]
    *faster, plainest = ways
    for way in faster:
        net.to(memory_format=way.layout)
        try:
            loss = F.cross_entropy(way.logits(net, images), labels)
            if loss.requires_grad:
                loss.backward()
        except torch.OutOfMemoryError:
            raise
        except Exception:  # code for one size may check it itself
            continue
        return way
    net.to(memory_format=plainest.layout)
    return plainest


def as_logits(logits: Tensor, count: int) -> Tensor:
    """Check what a network returned for `count` images, and convert it to float32.

    Raises:
        TypeError, ValueError: it is not a (count, 10) tensor.
    """
    if not isinstance(logits, Tensor):
        raise TypeError(f"the network returns a {type(logits).__name__}; it must return a tensor of logits")
    if tuple(logits.shape) != (count, CLASSES):
        raise ValueError(
            f"the network returns the shape {tuple(logits.shape)}; for {count} images it must return {(count, CLASSES)}"
        )
    return logits.float()


def use_fast_arithmetic(device: torch.device) -> None:
    """Let CUDA choose its fastest kernels, for this whole process."""
    if device.type == "cuda":
        torch.backends.cudnn.benchmark = True  # all batches have one shape
        torch.set_float32_matmul_precision("high")  # TensorFloat-32; convolutions use it anyway
