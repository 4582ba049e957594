"""Cell by cell: settings in a dict that is filled later, methods written outside the class and attached to it."""

import torch
import torch.nn as nn

SETTINGS = {"stem": 64}
SETTINGS["bias"] = False
WIDTHS = []
for power in range(4):
    WIDTHS.append(64 * 2**power)
SETTINGS.update(momentum=0.1)


def attach(cls):
    """Add the decorated function to the class as a method."""

    def decorate(function):
        setattr(cls, function.__name__, function)
        return function

    return decorate


class Unit(nn.Sequential):
    """Convolution and BatchNorm."""

    def __init__(self, n_in, n_out, kernel, stride=1):
        super().__init__(
            nn.Conv2d(n_in, n_out, kernel, stride, kernel // 2, bias=SETTINGS["bias"]),
            nn.BatchNorm2d(n_out, momentum=SETTINGS["momentum"]),
        )


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.units = nn.ModuleList([Unit(in_planes, planes, 3, stride), Unit(planes, planes, 3)])
        self.set_shortcut(in_planes, planes * self.expansion, stride)


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        out_planes = planes * self.expansion
        self.units = nn.ModuleList(
            [Unit(in_planes, planes, 1), Unit(planes, planes, 3, stride), Unit(planes, out_planes, 1)]
        )
        self.set_shortcut(in_planes, out_planes, stride)


@attach(BasicBlock)
@attach(Bottleneck)
def set_shortcut(self, in_planes, out_planes, stride):
    same = stride == 1 and in_planes == out_planes
    self.shortcut = nn.Sequential() if same else Unit(in_planes, out_planes, 1, stride)


def block_forward(self, x):
    *first, last = self.units
    y = x
    for unit in first:
        y = torch.relu(unit(y))
    return torch.relu(last(y) + self.shortcut(x))


BasicBlock.forward = block_forward
setattr(Bottleneck, "forward", block_forward)  # noqa: B010


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        width = SETTINGS["stem"]
        self.stem = Unit(3, width, 3)
        for number, (planes, count) in enumerate(zip(WIDTHS, num_blocks, strict=True)):
            stage = nn.Sequential()
            for i in range(count):
                stage.add_module(f"block{i}", block(width, planes, stride=2 if number and not i else 1))
                width = planes * block.expansion
            self.add_module(f"stage{number}", stage)
        self.head = nn.Linear(width, num_classes)

    def forward(self, x):
        x = self.stem(x).relu()
        for number in range(4):
            x = getattr(self, f"stage{number}")(x)
        return self.head(x.flatten(2).mean(-1))


ResNet18 = lambda: ResNet(BasicBlock, [2, 2, 2, 2])  # noqa: E731
