"""The self-grading ResNet assignment: reads a submission, judges it, explains the score."""

__version__ = "0.1.0"
