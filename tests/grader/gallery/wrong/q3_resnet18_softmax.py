"""ResNet18() puts a softmax behind the network."""

# question: q3
# evidence: the outputs of ResNet18() add up to 1

from torch import nn


def ResNet18():
    return nn.Sequential(ResNet(BasicBlock, [2, 2, 2, 2]), nn.Softmax(dim=1))  # noqa: F821
