"""ResNet18() is made of bottlenecks."""

# question: q3
# misconception: resnet18_of_other_blocks
# evidence: ResNet18() never builds a BasicBlock


def ResNet18():
    return ResNet(Bottleneck, [2, 2, 2, 2])  # noqa: F821
