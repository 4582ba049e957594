"""Ready-made networks are out of reach for student code: their files cannot be read, their modules are empty.

Which files those are is a matter of Landlock (`withhold`). `torchvision` imports its own `models` when it is imported
for its transforms, so an empty module stands in for each of them (`EmptyModuleFinder`), and says what is wrong when
something is taken from it.
"""

import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from autograder.submission.delegation import READY_MADE

WITHHELD = tuple(name for name in READY_MADE if name != "torch.hub")
"""`torch.hub` only downloads, which a worker cannot."""


def withhold(readable: Iterable[Path]) -> tuple[list[Path], list[Path]]:
    """Cut the files of ready-made networks out of what may be read.

    Landlock can allow what lies below a folder, but not forbid a part of it. So a folder that holds something to
    withhold is replaced by the other entries in it.

    Returns:
        `(readable, listable)`: what may be read, and folders of which only the names in them may be.
    """
    left, listable = [], []
    for path in readable:
        secret = _folders_of_networks(path)
        if secret:
            listable.append(path)
        waiting = [path]
        while waiting:
            folder = waiting.pop()
            if folder in secret:
                continue
            if any(folder in other.parents for other in secret):
                waiting += folder.iterdir()
            else:
                left.append(folder)
    return left, listable


def _folders_of_networks(root: Path) -> set[Path]:
    """Folders and files of the withheld modules in any folder of packages at or below `root`."""
    packages = [root] if root.name in ("site-packages", "dist-packages") else []
    packages += [*root.glob("python3*/*-packages"), *root.glob("*-packages")]
    names = [name.replace(".", "/") for name in WITHHELD]
    found = [folder / f"{name}{suffix}" for folder in packages for name in names for suffix in ("", ".py")]
    return {path for path in found if path.exists()}


class EmptyModuleFinder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Finds an empty module for every name at or below those that are withheld."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if any(f"{name}.".startswith(f"{module}.") for module in WITHHELD):
            return importlib.machinery.ModuleSpec(name, self, is_package=True)
        return None

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> types.ModuleType:
        return _EmptyModule(spec.name)

    def exec_module(self, module: types.ModuleType) -> None:
        if module.__name__ == "torchvision.models.resnet":
            vars(module).update(_convolutions())

    @classmethod
    def install(cls) -> None:
        """Come before all other finders; modules that are loaded already are forgotten."""
        sys.meta_path.insert(0, cls())
        for name in [name for name in sys.modules if any(f"{name}.".startswith(f"{m}.") for m in WITHHELD)]:
            del sys.modules[name]


class _EmptyModule(types.ModuleType):
    __all__: Sequence[str] = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        raise ImportError(
            f"`{self.__name__}.{name}` is ready-made and not there while your code is graded: "
            "the question asks for your own code, built from nn.Conv2d, nn.BatchNorm2d and nn.Linear"
        )


def _convolutions() -> dict[str, Callable[..., Any]]:
    """What of torchvision's is no network, only a convolution with its padding."""
    from torch import nn  # late: the grader starts a zygote before it imports torch

    def conv3x3(in_planes: int, out_planes: int, stride: int = 1, groups: int = 1, dilation: int = 1) -> nn.Conv2d:
        return nn.Conv2d(in_planes, out_planes, 3, stride, dilation, dilation, groups, bias=False)

    def conv1x1(in_planes: int, out_planes: int, stride: int = 1) -> nn.Conv2d:
        return nn.Conv2d(in_planes, out_planes, 1, stride, bias=False)

    return {"conv3x3": conv3x3, "conv1x1": conv1x1}
