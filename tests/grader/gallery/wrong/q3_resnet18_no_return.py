"""ResNet18() builds the network and returns nothing."""

# question: q3
# misconception: resnet18_returns_nothing
# evidence: ResNet18() returns None


def ResNet18():
    model = ResNet(BasicBlock, [2, 2, 2, 2])  # noqa: F821
    print(sum(p.numel() for p in model.parameters()))
