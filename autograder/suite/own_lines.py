"""The student's own lines that a diagnosis is about."""

import re
from collections.abc import Sequence
from typing import Any

from autograder.contract import QUESTION_NAMES


def lines_of(student: Any, question: str, layers: Sequence[str]) -> str:
    """The lines of the question's class that define these layers, such as "self.conv1 and self.conv2"; "" without."""
    names = [name for layer in layers for name in re.findall(r"self\.(\w+)", layer)]
    lines = [student.line_that_defines(QUESTION_NAMES[question][0], name) for name in dict.fromkeys(names)]
    return "\n".join(filter(None, lines))
