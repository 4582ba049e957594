"""What suits the hardware: the device, the memory layout of the tensors, and the precision."""

import torch
from torch import nn


def best_device() -> torch.device:
    """CUDA if there is one, else Apple's MPS, else the CPU."""
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def half_precision(device: torch.device) -> torch.dtype | None:
    """The 16-bit type for mixed precision where the hardware has one; None where float32 is faster."""
    if device.type == "cpu":
        return torch.bfloat16 if _cpu_has_bfloat16() else None
    if device.type != "cuda":
        return None
    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16


def _cpu_has_bfloat16() -> bool:
    """Whether the processor has bfloat16 instructions. PyTorch emulates them elsewhere, which is slow."""
    capabilities = getattr(torch.cpu, "get_capabilities", dict)()  # newer versions of PyTorch have it
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))


@torch.no_grad()
def fastest_memory_format(net: nn.Module, device: torch.device) -> torch.memory_format:
    """Channels last, which convolutions prefer, unless `net` cannot run with it (some uses of `view` cannot)."""
    if device.type == "mps":
        return torch.preserve_format
    images = torch.zeros(2, 3, 32, 32, device=device).to(memory_format=torch.channels_last)
    training = net.training
    try:
        net.eval()(images)
    except RuntimeError:
        return torch.preserve_format
    finally:
        net.train(training)
    return torch.channels_last
