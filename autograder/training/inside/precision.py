"""Choose memory layout and precision for a network on this device: the fastest that its code allows."""

import contextlib
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from autograder.training.inside.pixels import normalize

CLASSES = 10


@dataclass(frozen=True)
class Way:
    """How a step is computed: memory layout of images and weights; half-precision type, or None for float32."""

    layout: torch.memory_format
    half: torch.dtype | None

    def logits(self, net: nn.Module, images: Tensor) -> Tensor:
        """float32 logits (N, 10) for uint8 (N, 3, 32, 32) images."""
        pictures = normalize(images).contiguous(memory_format=self.layout)
        half = torch.autocast(images.device.type, self.half) if self.half else contextlib.nullcontext()
        with half:
            logits = net(pictures)
        return as_logits(logits, len(images))


def _ways(device: torch.device) -> list[Way]:
    """Fastest first. Not every right network supports each: `view` needs one layout, custom layers may need float32."""
    last, first = torch.channels_last, torch.contiguous_format
    if device.type == "cuda":
        half = torch.bfloat16 if torch.cuda.is_bf16_supported(False) else torch.float16
    elif _cpu_has_bf16():
        half = torch.bfloat16
    else:
        return [Way(last, None), Way(first, None)]
    return [Way(last, half), Way(first, half), Way(first, None)]


def _cpu_has_bf16() -> bool:
    """Whether the processor has bfloat16 instructions: twice as fast then; emulated by PyTorch, far slower."""
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()  # only newer versions of PyTorch have it
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


def fastest_way(net: nn.Module, images: Tensor, labels: Tensor, device: torch.device) -> Way:
    """Try one step without its update. It updates running statistics once, which does not affect the result."""
    *faster, plainest = _ways(device)
    for way in faster:
        net.to(memory_format=way.layout)
        try:
            loss = F.cross_entropy(way.logits(net, images), labels)
            if loss.requires_grad:
                loss.backward()
        except torch.OutOfMemoryError:
            raise
        except RuntimeError:
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
