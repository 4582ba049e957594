"""functools: lru_cache on a helper of numbers, partial for layers, reduce to run through them, slots in a helper."""

import operator
from functools import cache, partial, partialmethod, reduce

import torch
from torch import nn

Conv3x3 = partial(nn.Conv2d, kernel_size=3, padding=1, bias=False)
Conv1x1 = partial(nn.Conv2d, kernel_size=1, bias=False)


class Plan:
    """What a block needs to know to be built."""

    __slots__ = ("in_planes", "out_planes", "stride")

    def __init__(self, in_planes, out_planes, stride):
        self.in_planes, self.out_planes, self.stride = in_planes, out_planes, stride

    def __bool__(self):
        """Whether the shape changes."""
        return self.stride != 1 or self.in_planes != self.out_planes


@cache
def strides(stage, count):
    return tuple(2 if stage and not i else 1 for i in range(count))


def apply(x, layer):
    return layer(x)


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.layers = nn.ModuleList([Conv3x3(in_planes, planes, stride=stride), nn.BatchNorm2d(planes), nn.ReLU()])
        self.layers.extend([Conv3x3(planes, planes), nn.BatchNorm2d(planes)])
        self.shortcut = nn.ModuleList()
        if plan := Plan(in_planes, planes, stride):
            self.shortcut += [Conv1x1(plan.in_planes, plan.out_planes, stride=plan.stride), nn.BatchNorm2d(planes)]

    def branch(self, name, x):
        return reduce(apply, getattr(self, name), x)

    main, skip = partialmethod(branch, "layers"), partialmethod(branch, "shortcut")

    def forward(self, x):
        return reduce(operator.add, (self.main(x), self.skip(x))).relu()


class Bottleneck(BasicBlock):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        nn.Module.__init__(self)
        wide = planes * self.expansion
        self.layers = nn.ModuleList([Conv1x1(in_planes, planes), nn.BatchNorm2d(planes), nn.ReLU()])
        self.layers.extend([Conv3x3(planes, planes, stride=stride), nn.BatchNorm2d(planes), nn.ReLU()])
        self.layers.extend([Conv1x1(planes, wide), nn.BatchNorm2d(wide)])
        self.shortcut = nn.ModuleList()
        if plan := Plan(in_planes, wide, stride):
            self.shortcut += [Conv1x1(plan.in_planes, plan.out_planes, stride=plan.stride), nn.BatchNorm2d(wide)]


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        self.layers = nn.ModuleList([Conv3x3(3, 64), nn.BatchNorm2d(64), nn.ReLU()])
        width = 64
        for stage, count in enumerate(num_blocks):
            for stride in strides(stage, count):
                self.layers.append(block(width, 64 << stage, stride=stride))
                width = (64 << stage) * block.expansion
        self.layers.append(nn.AdaptiveAvgPool2d(1))
        self.layers.append(nn.Flatten())
        self.layers.append(nn.Linear(width, num_classes))

    def forward(self, x):
        return reduce(apply, self.layers, x)


ResNet18 = partial(ResNet, BasicBlock, [2, 2, 2, 2])


if __name__ == "__main__":
    print(ResNet18()(torch.randn(1, 3, 32, 32)).shape)
