"""Find the line of a student's class that defines a layer, such as `self.conv2 = nn.Conv2d(...)`."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from autograder.submission.sanitize import sanitize
from autograder.submission.slice import Slice

LONGEST_LINE = 200
"""Characters of a line that are shown, and read."""


def find_assignment(label: str, lines: Sequence[str], numbers: Iterable[int], attribute: str) -> str:
    """The first of the lines that assigns `self.<attribute>`, with its place; "" without one.

    Args:
        label: what the file or cell is called.
        lines: of the whole file or cell.
        numbers: of the lines to look at, from 1.
        attribute: such as "conv2".
    """
    assigns = re.compile(rf"\bself\.{re.escape(attribute)}\b[^=(]*=(?!=)")
    for number in numbers:
        line = lines[number - 1].strip()[:LONGEST_LINE] if number <= len(lines) else ""
        if assigns.search(line):
            return f"{label}, line {number}\n    {sanitize(line, one_line=True)}"
    return ""


def find_in_slice(slice_: Slice, name: str, attribute: str) -> str:
    """The line that assigns `self.<attribute>` in the class `name` or a base of it, by the text of the code alone.

    The text is not parsed: a process that grades does not run Python's parser on what a student wrote.
    """
    definitions = _definitions(slice_)
    waiting, seen = [name], set()
    while waiting:
        name = waiting.pop(0)
        if name in definitions and name not in seen:
            seen.add(name)
            one = definitions[name]
            if found := find_assignment(one.label, one.lines, one.numbers, attribute):
                return found
            waiting += one.behind
    return ""


@dataclass(frozen=True)
class _Definition:
    """A class, or another name of one.

    Args:
        label: of its cell.
        lines: of its cell.
        numbers: of the lines of the class; none for another name.
        behind: the names of its bases, or of the class that it names.
    """

    label: str
    lines: Sequence[str]
    numbers: range
    behind: Sequence[str]


_CLASS = re.compile(r"class\s+(\w+)(?:\s*\(([^()]*)\))?")
_OTHER_NAME = re.compile(r"(\w+)\s*=\s*(\w+)\s*(?:#.*)?")


def _definitions(slice_: Slice) -> dict[str, _Definition]:
    """The last definition of each name."""
    found = {}
    for cell in slice_.cells:
        lines = cell.source.split("\n")
        starts = [n for n, line in enumerate(lines, start=1) if line[:1] not in ("", *" \t\r#)")]
        for start, end in pairwise([*starts, len(lines) + 1]):
            line = lines[start - 1].rstrip()[:LONGEST_LINE]
            if match := _CLASS.match(line):
                bases = [base.strip() for base in (match[2] or "").split(",")]
                found[match[1]] = _Definition(cell.label, lines, range(start, end), bases)
            elif match := _OTHER_NAME.fullmatch(line):  # BasicBlock = ResidualBlock
                found[match[1]] = _Definition(cell.label, lines, range(0), [match[2]])
    return found
