"""ResNet18() returns a network in eval mode."""

# question: q3
# misconception: resnet18_in_eval_mode
# evidence: the logits of an image do not depend on the rest of the batch


def ResNet18():
    return ResNet(BasicBlock, [2, 2, 2, 2]).eval()  # noqa: F821
