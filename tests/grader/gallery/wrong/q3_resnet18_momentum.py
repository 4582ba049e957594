"""ResNet18() sets the momentum of every BatchNorm, those of the blocks too."""

# question: q3
# evidence: after a batch the running statistics of ResNet18() are others than those of ResNet(BasicBlock, [2, 2, 2, 2])

from torch import nn


def ResNet18():
    net = ResNet(BasicBlock, [2, 2, 2, 2])  # noqa: F821
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.01
    return net
