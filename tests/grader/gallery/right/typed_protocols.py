"""Typed to the teeth: a Protocol for blocks, NamedTuple, Final, TypeAlias, generics and a cast."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Final, Generic, NamedTuple, Protocol, TypeAlias, TypeVar, cast

import torch
from torch import Tensor, nn

Activation: TypeAlias = Callable[[Tensor], Tensor]
M = TypeVar("M", bound=nn.Module)
STEM_PLANES: Final = 64


class BlockClass(Protocol):
    expansion: ClassVar[int]

    def __call__(self, in_planes: int, planes: int, stride: int = ...) -> nn.Module: ...


class Stage(NamedTuple):
    planes: int
    stride: int


class Chain(nn.Module, Generic[M]):
    """Modules, one after the other."""

    def __init__(self, modules: Sequence[M]) -> None:
        super().__init__()
        for name, module in zip("abcdefgh", modules, strict=False):
            self.add_module(name, module)

    def __iter__(self) -> Iterator[M]:
        return cast(Iterator[M], self.children())

    def forward(self, x: Tensor) -> Tensor:
        for module in self:
            x = module(x)
        return x


def unit(n_in: int, n_out: int, *, kernel: int, stride: int = 1) -> Chain[nn.Module]:
    return Chain([nn.Conv2d(n_in, n_out, kernel, stride, kernel // 2, bias=False), nn.BatchNorm2d(n_out)])


class BasicBlock(nn.Module):
    expansion: ClassVar[int] = 1
    act: Activation = staticmethod(torch.relu)

    def __init__(self, in_planes: int, planes: int, stride: int = 1) -> None:
        super().__init__()
        self.units: Chain[Chain[Any]] = Chain(
            [unit(in_planes, planes, kernel=3, stride=stride), unit(planes, planes, kernel=3)]
        )
        same: bool = stride == 1 and in_planes == planes
        self.skip: nn.Module = nn.Identity() if same else unit(in_planes, planes, kernel=1, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        first, second = self.units
        return self.act(second(self.act(first(x))) + self.skip(x))


class Bottleneck(nn.Module):
    expansion: ClassVar[int] = 4
    act: Activation = staticmethod(torch.relu)

    def __init__(self, in_planes: int, planes: int, stride: int = 1) -> None:
        super().__init__()
        out_planes: Final = planes * self.expansion
        self.units: Chain[Chain[Any]] = Chain(
            [
                unit(in_planes, planes, kernel=1),
                unit(planes, planes, kernel=3, stride=stride),
                unit(planes, out_planes, kernel=1),
            ]
        )
        same: bool = stride == 1 and in_planes == out_planes
        self.skip: nn.Module = nn.Identity() if same else unit(in_planes, out_planes, kernel=1, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        first, second, third = self.units
        return self.act(third(self.act(second(self.act(first(x))))) + self.skip(x))


class ResNet(nn.Module):
    STAGES: ClassVar[tuple[Stage, ...]] = (Stage(64, 1), Stage(128, 2), Stage(256, 2), Stage(512, 2))

    def __init__(self, block: BlockClass, num_blocks: Sequence[int], num_classes: int = 10) -> None:
        super().__init__()
        width: int = STEM_PLANES
        self.stem: Chain[nn.Module] = unit(3, width, kernel=3)
        blocks: list[nn.Module] = []
        for (planes, stride), count in zip(self.STAGES, num_blocks, strict=True):
            for step in (stride, *(1,) * (count - 1)):
                blocks.append(block(width, planes, step))
                width = planes * block.expansion
        self.blocks: nn.Sequential = nn.Sequential(*blocks)
        self.head: nn.Linear = nn.Linear(width, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        pooled: Tensor = self.blocks(self.stem(x).relu()).flatten(start_dim=2).mean(dim=2)
        return self.head(pooled)


def ResNet18() -> ResNet:
    return ResNet(cast(BlockClass, BasicBlock), [2, 2, 2, 2])
