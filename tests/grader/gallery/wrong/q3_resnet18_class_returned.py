"""ResNet18() returns the class instead of a network."""

# question: q3
# evidence: what ResNet18() returns is no module


def ResNet18():
    return ResNet  # noqa: F821
