"""Layers in ModuleDicts under telling keys, the blocks of the network set by setattr and found by getattr."""

import torch
from torch import nn


def unit(n_in, n_out, kernel=1, stride=1):
    return nn.ModuleDict(
        {
            "normalise": nn.BatchNorm2d(n_out),
            "convolve": nn.Conv2d(n_in, n_out, kernel, stride, kernel // 2, bias=False),
        }
    )


def run(layer, x):
    return layer["normalise"](layer["convolve"](x))


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.layers = nn.ModuleDict()
        self.layers["second"] = unit(planes, planes, 3)
        self.layers["first"] = unit(in_planes, planes, 3, stride)
        if stride != 1 or in_planes != planes:
            self.layers["shortcut"] = unit(in_planes, planes, stride=stride)

    def forward(self, x):
        y = run(self.layers["first"], x).relu()
        y = run(self.layers["second"], y)
        if "shortcut" in self.layers:
            x = run(self.layers["shortcut"], x)
        return (x + y).relu()


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.layers = nn.ModuleDict(
            dict(  # noqa: C408
                expand=unit(planes, 4 * planes),
                process=unit(planes, planes, 3, stride),
                squeeze=unit(in_planes, planes),
            )
        )
        if stride != 1 or in_planes != 4 * planes:
            self.layers.update({"shortcut": unit(in_planes, 4 * planes, stride=stride)})

    def forward(self, x):
        y = x
        for key in ("squeeze", "process", "expand"):
            y = run(self.layers[key], y if key == "squeeze" else torch.relu(y))
        if "shortcut" in self.layers:
            x = run(self.layers["shortcut"], x)
        return (x + y).relu()


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        self.depth = 0
        width = 64
        for stage in range(4):
            for i in range(num_blocks[stage]):
                setattr(self, f"block_{self.depth}", block(width, 64 * 2**stage, 2 if stage and i == 0 else 1))
                self.depth += 1
                width = 64 * 2**stage * block.expansion
        self.classifier = nn.Linear(width, num_classes)
        self.stem = unit(3, 64, 3)

    def forward(self, x):
        x = run(self.stem, x).relu()
        for number in range(self.depth):
            x = getattr(self, f"block_{number}")(x)
        return self.classifier(torch.einsum("nchw->nc", x) / (x.shape[2] * x.shape[3]))


ResNet18 = lambda: ResNet(BasicBlock, [2, 2, 2, 2])  # noqa: E731
