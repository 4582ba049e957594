"""ResNet18() drops half of the pixels."""

# question: q3
# evidence: in train mode, ResNet18() computes something else each time

from torch import nn


def ResNet18():
    return nn.Sequential(nn.Dropout(0.5), ResNet(BasicBlock, [2, 2, 2, 2]))  # noqa: F821
