"""A frozen dataclass says what each block is made of, an Enum names the shortcuts; annotations are postponed."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum, auto

import torch
from torch import Tensor, nn


class Shortcut(Enum):
    IDENTITY = auto()
    PROJECTION = auto()

    @classmethod
    def of(cls, shape: BlockShape) -> Shortcut:
        same = shape.stride == 1 and shape.in_planes == shape.out_planes
        return cls.IDENTITY if same else cls.PROJECTION


@dataclass(frozen=True)
class BlockShape:
    in_planes: int
    planes: int
    stride: int = 1
    expansion: int = 1

    @property
    def out_planes(self) -> int:
        return self.planes * self.expansion


@dataclass
class NetShape:
    planes: tuple[int, ...] = (64, 128, 256, 512)
    strides: tuple[int, ...] = (1, 2, 2, 2)
    stem: int = field(default=64)


class ConvBN(nn.Module):
    def __init__(self, n_in: int, n_out: int, kernel: int, stride: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv2d(n_in, n_out, kernel, stride=stride, padding=kernel // 2, bias=False)
        self.bn = nn.BatchNorm2d(n_out)

    def forward(self, x: Tensor) -> Tensor:
        return self.bn(self.conv(x))


class _Block(nn.Module):
    expansion: int
    layers: nn.ModuleList

    def __init__(self, shape: BlockShape) -> None:
        super().__init__()
        self.shape = shape
        self.kind = Shortcut.of(shape)
        if self.kind is Shortcut.PROJECTION:
            self.projection = ConvBN(shape.in_planes, shape.out_planes, 1, shape.stride)

    def forward(self, x: Tensor) -> Tensor:
        out = x
        for position, layer in enumerate(self.layers):
            out = layer(out if position == 0 else torch.relu(out))
        match self.kind:
            case Shortcut.IDENTITY:
                return torch.relu(out + x)
            case Shortcut.PROJECTION:
                return torch.relu(out + self.projection(x))


class BasicBlock(_Block):
    expansion = 1

    def __init__(self, in_planes: int, planes: int, stride: int = 1) -> None:
        super().__init__(BlockShape(in_planes, planes, stride, self.expansion))
        self.layers = nn.ModuleList([ConvBN(in_planes, planes, 3, stride), ConvBN(planes, planes, 3)])


class Bottleneck(_Block):
    expansion = 4

    def __init__(self, in_planes: int, planes: int, stride: int = 1) -> None:
        shape = BlockShape(in_planes, planes, stride, self.expansion)
        super().__init__(shape)
        self.layers = nn.ModuleList(
            [ConvBN(in_planes, planes, 1), ConvBN(planes, planes, 3, stride), ConvBN(planes, shape.out_planes, 1)]
        )


class ResNet(nn.Module):
    def __init__(
        self, block: type[_Block], num_blocks: list[int], num_classes: int = 10, config: NetShape | None = None
    ) -> None:
        super().__init__()
        config = config or NetShape()
        self.stem = ConvBN(3, config.stem, 3)
        in_planes, blocks = config.stem, []
        for planes, stride, count in zip(config.planes, config.strides, num_blocks, strict=True):
            for number in range(count):
                blocks += [block(in_planes, planes, stride if number == 0 else 1)]
                in_planes = planes * block.expansion
        self.body = nn.Sequential(*blocks)
        self.head = nn.Linear(in_planes, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        features = self.body(torch.relu(self.stem(images)))
        return self.head(features.mean((-2, -1)))


def ResNet18() -> ResNet:
    return ResNet(BasicBlock, [2, 2, 2, 2])
