"""What the accuracy of a training depends on besides its recipe: device, driver, PyTorch, code and data."""

import hashlib
import platform
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # they import PyTorch, and `provenance` asks for the processor only
    from autograder.training.cifar10 import Cifar10
    from autograder.training.inside.fit import Recipe

FOLDER = Path(__file__).parent
CODE = ("heldout.py", "right_networks.py", "inside/*.py")
"""The files that decide what a training with a recipe reaches."""
DRIVER = Path("/proc/driver/nvidia/version")


def circumstances(device: str, recipe: "Recipe", data: "Cifar10") -> dict[str, str]:
    """Everything that a calibration depends on, in words; when any of it changes, it is measured again."""
    import torch

    cuda = device == "cuda"
    pictures = (data.train_images, data.train_labels, data.test_images, data.test_labels)
    return {
        "device": torch.cuda.get_device_name(0) if cuda else processor(),
        "driver": _driver() if cuda else torch.backends.cpu.get_cpu_capability(),
        "torch": torch.__version__,
        "recipe": str(recipe),
        "code": _digest(*(path.read_bytes() for pattern in CODE for path in sorted(FOLDER.glob(pattern)))),
        "data": _digest(*(part.contiguous().numpy() for part in pictures)),
    }


def processor() -> str:
    """The name of the processor."""
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _driver() -> str:
    """The first line that NVIDIA's driver says about itself."""
    try:
        return DRIVER.read_text(encoding="utf-8").splitlines()[0].strip()
    except (OSError, IndexError):
        return "unknown"


def _digest(*parts: object) -> str:
    digest = hashlib.sha256()
    for part in parts:
        digest.update(part)
    return digest.hexdigest()[:16]
