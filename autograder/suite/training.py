"""The result of training a network, as the `training` fixture passes it to the hidden test."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainingResult:
    """What came of training a student's network; only graders have one.

    Args:
        accuracy: share of the held-out images that it classifies correctly, 0 to 1; None where no training finished.
        threshold: the accuracy that it must reach.
        seconds: how long the training took.
        recipe: how it was trained, in words such as "2 epochs of 5,000 images each".
        note: for whoever reads the result; "" when there is nothing to add.
        deferred: why nothing can be trained here, "" otherwise; then the test is deferred.
        failure: what the student's code raised or did wrong in the training; then this is the outcome of the test.
    """

    accuracy: float | None = None
    threshold: float = 1.0
    seconds: float = 0.0
    recipe: str = ""
    note: str = ""
    deferred: str = ""
    failure: Exception | None = None


NOT_TRAINED = TrainingResult(deferred="this check needs a CUDA GPU. It is run later on a machine that has one.")
