"""What a submission must define, and how the points are spread: the words all packages share."""

REQUIRED = ("BasicBlock", "Bottleneck", "ResNet", "ResNet18")
"""Names a submission defines; see the notebook for their signatures."""

QUESTIONS = {
    "q1": "BasicBlock",
    "q2": "Bottleneck",
    "q3": "ResNet",
    "q4": "Training",
}
"""Question id to title, in the order in which the notebook asks them."""

QUESTION_NAMES = {"q1": ("BasicBlock",), "q2": ("Bottleneck",), "q3": ("ResNet", "ResNet18")}
"""The required names that each question asks for."""

POINTS = {"q1": 25, "q2": 25, "q3": 30, "q4": 20}
"""Points of each question; the markers in the tests must add up to these."""


class Problem(Exception):
    """What whoever runs a command can mend; `str()` is what to tell them, in a line or a few."""
