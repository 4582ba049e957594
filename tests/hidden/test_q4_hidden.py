"""Question 4 on a GPU: the student's own ResNet18, trained from scratch on CIFAR-10, reaches a minimum accuracy."""

import pytest

from autograder.suite import expect

pytestmark = pytest.mark.question("q4")

LOOK = (
    "first at what q1 to q3 say. Then: is any layer frozen, detached or under no_grad? Do all layers belong to the "
    "module, so that they are trained, and BatchNorm to train() and eval()? Does each block add its shortcut?"
)


@pytest.mark.points(12)
@pytest.mark.needs_cuda
def test_training_accuracy(student, training):
    """Training: ResNet18 learns CIFAR-10 from scratch to the minimum test accuracy."""
    if (reason := training.unavailable_reason) is not None:
        pytest.skip(f"Deferred: {reason}")
    examined = training.examine(student)
    if not examined.trained or examined.accuracy >= examined.threshold:
        return
    came = f"it names {examined.accuracy:.2%} of them"
    unseen = f"{examined.threshold:.1%} of images that it has never seen"
    expect.fail(
        f"ResNet18, trained from scratch for {examined.budget}, names {unseen}",
        f"{came}; {examined.note}" if examined.note else came,
        LOOK,
    )
