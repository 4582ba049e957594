"""ResNet18() returns the same network each time."""

# question: q3
# misconception: resnet18_shared
# evidence: loading weights into one network changes the other

NETWORKS = []


def ResNet18():
    if not NETWORKS:
        NETWORKS.append(ResNet(BasicBlock, [2, 2, 2, 2]))  # noqa: F821
    return NETWORKS[0]
