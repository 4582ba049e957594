"""One builder function for every layer, shortcuts made first, blocks in an OrderedDict, pooling by hand."""

from collections import OrderedDict
from functools import partial

import torch
from torch import nn
from torch.nn import functional as fn

STAGES = ((64, 1), (128, 2), (256, 2), (512, 2))  # (planes, stride)

plain_conv = partial(nn.Conv2d, bias=False)


def layer(name, n_in, n_out, kernel, stride=1):
    """Named convolution and normalisation, to be put in an OrderedDict."""
    conv = plain_conv(n_in, n_out, (kernel, kernel), (stride, stride), (kernel // 2, kernel // 2))
    return [(f"{name}_conv", conv), (f"{name}_norm", nn.BatchNorm2d(n_out))]


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super(BasicBlock, self).__init__()  # noqa: UP008
        if needs_projection := (stride, in_planes) != (1, planes):
            self.projection = nn.Sequential(OrderedDict(layer("match", in_planes, planes, 1, stride)))
        self.needs_projection = needs_projection
        first = layer("first", in_planes, planes, 3, stride)
        second = layer("second", planes, planes, 3)
        self.main = nn.Sequential(OrderedDict([*first, ("relu", nn.ReLU()), *second]))

    def forward(self, x):
        skip = self.projection(x) if self.needs_projection else x
        return torch.add(skip, self.main(x)).clamp(min=0)


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        super(Bottleneck, self).__init__()  # noqa: UP008
        wide = planes * Bottleneck.expansion
        if needs_projection := (stride, in_planes) != (1, wide):
            self.projection = nn.Sequential(OrderedDict(layer("match", in_planes, wide, 1, stride)))
        self.needs_projection = needs_projection
        reduce = layer("reduce", in_planes, planes, 1)
        spatial = layer("spatial", planes, planes, 3, stride)
        expand = layer("expand", planes, wide, 1)
        relus = [("relu1", nn.ReLU())], [("relu2", nn.ReLU())]
        self.main = nn.Sequential(OrderedDict(reduce + relus[0] + spatial + relus[1] + expand))

    def forward(self, x):
        skip = self.projection(x) if self.needs_projection else x
        return torch.add(skip, self.main(x)).clamp(min=0)


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super(ResNet, self).__init__()  # noqa: UP008
        self.stem = nn.Sequential(OrderedDict(layer("stem", 3, 64, 3)))
        blocks, width = OrderedDict(), 64
        for (planes, stride), count in zip(STAGES, num_blocks, strict=True):
            for number in range(count):
                blocks[f"p{planes}_{number}"] = block(width, planes, stride if number == 0 else 1)
                width = block.expansion * planes
        self.blocks = nn.Sequential(blocks)
        self.classify = nn.Linear(in_features=width, out_features=num_classes)

    def forward(self, x):
        x = self.blocks(fn.relu(self.stem(x)))
        x = fn.avg_pool2d(x, kernel_size=x.shape[-2:])
        return self.classify(x.view(x.size(0), -1))


def ResNet18():
    two = 2
    return ResNet(BasicBlock, [two] * 4)
