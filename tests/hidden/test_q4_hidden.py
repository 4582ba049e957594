"""Question 4 on a GPU: the student's own ResNet18, trained from scratch on CIFAR-10, reaches a minimum accuracy."""

import pytest

from autograder.suite import expect

pytestmark = pytest.mark.question("q4")

HINT = (
    "start with the messages of q1 to q3. Then: is a layer frozen, detached or under no_grad? Are all layers "
    "attributes of the module, so that they are trained? Does BatchNorm follow train() and eval()? Does each block add "
    "its shortcut?"
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
    got = f"it classifies {examined.accuracy:.2%} correctly"
    expect.fail(
        f"ResNet18, trained from scratch for {examined.budget}, classifies at least {examined.threshold:.1%} of unseen "
        "images correctly",
        f"{got}; {examined.note}" if examined.note else got,
        HINT,
    )
