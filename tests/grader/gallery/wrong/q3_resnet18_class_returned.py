"""ResNet18() returns the class instead of a network."""

# question: q3
# misconception: resnet18_returns_class
# evidence: what ResNet18() returns is no module


def ResNet18():
    return ResNet  # noqa: F821
