"""Everything by star import: Conv2d, Module and relu without a prefix."""

from torch import flatten
from torch.nn import *  # noqa: F403
from torch.nn.functional import adaptive_avg_pool2d, relu

# ruff: noqa: F405


class BasicBlock(Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.conv_a = Conv2d(in_planes, planes, 3, stride, 1, bias=False)
        self.conv_b = Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn_a, self.bn_b = BatchNorm2d(planes), BatchNorm2d(planes)
        self.skip = Identity()
        if stride > 1 or in_planes != planes:
            self.skip = Sequential(Conv2d(in_planes, planes, 1, stride, bias=False), BatchNorm2d(planes))

    def forward(self, x):
        return relu(self.bn_b(self.conv_b(relu(self.bn_a(self.conv_a(x))))) + self.skip(x))


class Bottleneck(Module):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.conv_a = Conv2d(in_planes, planes, 1, bias=False)
        self.conv_b = Conv2d(planes, planes, 3, stride, 1, bias=False)
        self.conv_c = Conv2d(planes, 4 * planes, 1, bias=False)
        self.bn_a, self.bn_b, self.bn_c = BatchNorm2d(planes), BatchNorm2d(planes), BatchNorm2d(4 * planes)
        self.skip = Identity()
        if stride > 1 or in_planes != 4 * planes:
            self.skip = Sequential(Conv2d(in_planes, 4 * planes, 1, stride, bias=False), BatchNorm2d(4 * planes))

    def forward(self, x):
        y = relu(self.bn_a(self.conv_a(x)))
        y = relu(self.bn_b(self.conv_b(y)))
        return relu(self.bn_c(self.conv_c(y)) + self.skip(x))


class ResNet(Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        self.stem = Sequential(Conv2d(3, 64, 3, padding=1, bias=False), BatchNorm2d(64), ReLU())
        self.stages = Sequential()
        width = 64
        for stage, count in enumerate(num_blocks):
            planes = 64 * 2**stage
            for i in range(count):
                self.stages.append(block(width, planes, 2 if stage > 0 and i == 0 else 1))
                width = planes * block.expansion
        self.head = Linear(width, num_classes)

    def forward(self, x):
        x = self.stages(self.stem(x))
        return self.head(flatten(adaptive_avg_pool2d(x, 1), 1))


def ResNet18():
    return ResNet(BasicBlock, [2, 2, 2, 2])
