"""ResNet18() builds the depth of ResNet-34."""

# question: q3
# misconception: resnet18_depth
# evidence: ResNet18() has 16 blocks instead of 8


def ResNet18():
    return ResNet(BasicBlock, [3, 4, 6, 3])  # noqa: F821
