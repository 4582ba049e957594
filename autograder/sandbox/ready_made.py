"""Student code cannot use ready-made networks: their files cannot be read, and their modules are empty.

Landlock denies the files (`withhold`). Importing torchvision, for its transforms, imports `torchvision.models`, so an
empty module takes its place (`EmptyModuleFinder`). What is taken from it raises an explanation when it is called.
"""

import importlib
import importlib.abc
import importlib.machinery
import sys
import types
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from autograder.submission.ready_made import READY_MADE, REGISTERING, WEIGHTS

WITHHELD = tuple(name for name in READY_MADE if name != "torch.hub")
"""Not `torch.hub`, which PyTorch imports: only `torch.hub.load` is replaced."""
_NOT_THERE = " is ready-made and not there while your code is graded"


def what_was_asked_for(message: str) -> str:
    """The name of the ready-made class or function that student code called, from what that raised; "" if none."""
    before, found, _ = message.partition(f"`{_NOT_THERE}")
    return before.rpartition("`")[2] if found else ""


def withhold(readable: Iterable[Path]) -> tuple[list[Path], list[Path]]:
    """Remove the files of ready-made networks from what may be read.

    Landlock can allow a folder but not exclude a part of it. So a folder that contains such files is replaced by its
    other entries.

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
    """Finds an empty module for each withheld module and its submodules."""

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
        """Install this finder before all others, and unload modules that are already imported."""
        sys.meta_path.insert(0, cls())
        for name in [name for name in sys.modules if any(f"{name}.".startswith(f"{m}.") for m in WITHHELD)]:
            del sys.modules[name]
        if (hub := sys.modules.get("torch.hub")) is not None:
            hub.load = _refusing("load", "torch.hub.load")


class _EmptyModule(types.ModuleType):
    __all__: Sequence[str] = ()

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name == "trunc_normal_":  # timm has its own; this one has been in PyTorch for long
            return importlib.import_module("torch").nn.init.trunc_normal_
        if name in REGISTERING:
            return _decorate_with_nothing
        if name.endswith(WEIGHTS):  # for annotations; there are no weights to load
            return type(name, (), {"DEFAULT": None, "IMAGENET1K_V1": None})
        return _refusing(name, f"{self.__name__}.{name}")


class _Refusing(type):
    """The type of what stands for a ready-made class or function: it can be compared with, but not called."""

    def __getattr__(cls, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return _decorate_with_nothing if name in REGISTERING else _refusing(name, f"{cls.__qualname__}.{name}")

    def __call__(cls, *_: Any, **__: Any) -> None:
        _refuse(cls)


def _refusing(name: str, dotted: str) -> type:
    return _Refusing(name, (), {"__qualname__": dotted, "__init_subclass__": classmethod(_refuse)})


def _refuse(derived: type, **_: Any) -> None:
    dotted = next(base.__qualname__ for base in reversed(derived.__mro__) if type(base) is _Refusing)
    raise ImportError(
        f"`{dotted}`{_NOT_THERE}: the question asks for your own code, built from nn.Conv2d, nn.BatchNorm2d and "
        "nn.Linear"
    )


def _decorate_with_nothing(function: Any = None, *_: Any, **__: Any) -> Any:
    """`@register_model`, `@register_model()`, `@register_model("my_resnet")`: the function stays what it is."""
    return function if isinstance(function, (type, types.FunctionType)) else lambda decorated: decorated


def _convolutions() -> dict[str, Callable[..., Any]]:
    """The functions of torchvision that only make a convolution."""
    from torch import nn  # imported late: the grader starts a zygote before it imports torch

    def conv3x3(in_planes: int, out_planes: int, stride: int = 1, groups: int = 1, dilation: int = 1) -> nn.Conv2d:
        return nn.Conv2d(in_planes, out_planes, 3, stride, dilation, dilation, groups, bias=False)

    def conv1x1(in_planes: int, out_planes: int, stride: int = 1) -> nn.Conv2d:
        return nn.Conv2d(in_planes, out_planes, 1, stride, bias=False)

    return {"conv3x3": conv3x3, "conv1x1": conv1x1}
