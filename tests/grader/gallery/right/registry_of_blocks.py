"""A decorator registers the blocks by name; `expansion` is set by the decorator, ResNet18 asks the registry."""

import torch
from torch import nn

BLOCKS = {}


def register(name, *, expansion):
    def decorate(cls):
        cls.expansion = expansion
        BLOCKS[name] = cls
        return cls

    return decorate


def build(name, num_blocks, num_classes=10):
    return ResNet(BLOCKS[name], num_blocks, num_classes)


class Residual(nn.Module):
    """Adds its input, or a projection of it, to what the wrapped module makes of it."""

    def __init__(self, wrapped, n_in, n_out, stride):
        super().__init__()
        self.wrapped = wrapped
        self.projection = None
        if stride != 1 or n_in != n_out:
            self.projection = nn.Sequential(nn.Conv2d(n_in, n_out, 1, stride, bias=False), nn.BatchNorm2d(n_out))

    def forward(self, x):
        out = self.wrapped(x)
        out += x if self.projection is None else self.projection(x)
        return torch.relu_(out)


@register("basic", expansion=1)
class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        layers = nn.Sequential(
            nn.Conv2d(in_planes, planes, 3, stride, 1, bias=False),
            nn.BatchNorm2d(planes),
            nn.ReLU(inplace=True),
            nn.Conv2d(planes, planes, 3, 1, 1, bias=False),
            nn.BatchNorm2d(planes),
        )
        self.block = Residual(layers, in_planes, planes, stride)

    def forward(self, x):
        return self.block(x)


@register("bottleneck", expansion=4)
class Bottleneck(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        layers = nn.Sequential(
            nn.Conv2d(in_planes, planes, 1, bias=False),
            nn.BatchNorm2d(planes),
            nn.ReLU(inplace=True),
            nn.Conv2d(planes, planes, 3, stride, 1, bias=False),
            nn.BatchNorm2d(planes),
            nn.ReLU(inplace=True),
            nn.Conv2d(planes, planes * 4, 1, bias=False),
            nn.BatchNorm2d(planes * 4),
        )
        self.block = Residual(layers, in_planes, planes * 4, stride)

    def forward(self, x):
        return self.block(x)


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        width, parts = 64, [nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True)]
        for stage, count in enumerate(num_blocks):
            for index in range(count):
                parts.append(block(width, planes := 64 * 2**stage, stride=1 if stage == 0 or index else 2))
                width = planes * block.expansion
        self.trunk = nn.Sequential(*parts)
        self.output = nn.Sequential(nn.Flatten(), nn.Linear(width, num_classes))

    def forward(self, x):
        return self.output(nn.functional.adaptive_avg_pool2d(self.trunk(x), (1, 1)))


def ResNet18():
    return build("basic", [2, 2, 2, 2])
