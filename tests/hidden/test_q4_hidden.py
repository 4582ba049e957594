"""Question 4 on a GPU: the student's own ResNet18, trained from scratch on CIFAR-10, reaches a minimum accuracy."""

import pytest

pytestmark = pytest.mark.question("q4")


@pytest.mark.points(12)
@pytest.mark.needs_cuda
def test_training_accuracy(student):
    """Training: ResNet18 learns CIFAR-10 from scratch to the minimum test accuracy."""
    # No threshold is fair before it is calibrated on a GPU; until then nobody gains or loses a point here.
    pytest.skip("Deferred: this check runs on a machine with a CUDA GPU, once its threshold is calibrated.")
