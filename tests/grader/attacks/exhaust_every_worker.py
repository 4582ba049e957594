"""Die in every worker anew, to have new ones started for ever."""

import ctypes

from torch import nn


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        ctypes.string_at(0)


class Bottleneck(BasicBlock):
    pass


class ResNet(BasicBlock):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__(1, 1)


def ResNet18():
    return ResNet(BasicBlock, [1])
