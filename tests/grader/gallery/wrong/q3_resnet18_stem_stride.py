"""ResNet18() gives the first convolution another stride."""

# question: q3
# evidence: ResNet18() and ResNet(BasicBlock, [2, 2, 2, 2]) differ with the same weights


def ResNet18():
    net = ResNet(BasicBlock, [2, 2, 2, 2])  # noqa: F821
    for layer in net.modules():
        if getattr(layer, "in_channels", 0) == 3:
            layer.stride = (2, 2)
    return net
