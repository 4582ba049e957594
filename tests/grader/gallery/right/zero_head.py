"""The linear layer starts at zero, so at first the logits are the same for every image."""

from torch import nn


def ResNet18():
    net = ResNet(BasicBlock, [2, 2, 2, 2])  # noqa: F821
    for layer in net.modules():
        if isinstance(layer, nn.Linear):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)
    return net
