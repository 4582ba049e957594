"""Syntax that a student's Python may have, and the one that grades does not."""

import re
import sys

_SYNTAX = [
    ((3, 12), re.compile(r"\s*(type [A-Za-z_]\w*(\[.*\])? *=|(class|(async )?def) \w+\[)"), ""),  # type parameters
    ((3, 14), re.compile(r"\s*except\*?\s*[\w.]+(\s*,\s*[\w.]+)+\s*:"), "write `except (A, B):`"),
    (
        (3, 14),
        re.compile(r"(.*([=(,\[{:+]|\breturn))?\s*(t|tr|rt)[\"']", re.IGNORECASE),
        'write f"..." instead of t"..."',
    ),
]
"""Since which version a line that matches is Python, and what to write instead."""


def needs_newer_python(line: str, running: tuple[int, ...] = sys.version_info[:2]) -> str:
    """What to tell the student about a line that is a syntax error here, but none in a newer Python; or ""."""
    for since, pattern, instead in _SYNTAX:
        if running < since and pattern.match(line):
            advice = f": {instead}" if instead else ""
            return (
                f"This is Python {_dotted(since)} or later, and this grader runs Python {_dotted(running)}, so nothing "
                f"in it can be used until this is repaired{advice}."
            )
    return ""


def _dotted(version: tuple[int, ...]) -> str:
    return ".".join(map(str, version))
