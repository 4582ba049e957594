"""Numbers and foreign text, made fit to show."""

import os
from pathlib import Path

_INVISIBLE = {
    **{code: 0x2400 + code for code in range(0x20) if code not in (0x09, 0x0A)},  # pictures of control characters
    0x7F: 0x2421,
    **dict.fromkeys([*range(0x80, 0xA0), *range(0x202A, 0x202F), *range(0x2066, 0x206A)], 0xFFFD),
    **dict.fromkeys(range(0xD800, 0xE000), 0xFFFD),
}
_LINE_BREAKING = {0x09: 0x2409, 0x0A: 0x240A}


def visible(text: str) -> str:
    """Replace what a reader cannot see: terminal escapes, overrides of the writing direction, lone surrogates.

    Messages and file names come from students, and a text that shows other than it reads can lie.
    """
    return text.replace("\r\n", "\n").translate(_INVISIBLE)


def one_line(text: str) -> str:
    """`visible`, for a text that must stay on one line."""
    return visible(text).translate(_LINE_BREAKING)


def number(value: float) -> str:
    """Points as people write them: 4, 3.5, 0.67."""
    return f"{value:.2f}".rstrip("0").rstrip(".")


def percent(score: float, possible: float) -> int | None:
    """Whole percent of what was possible; None where nothing was.

    100 is kept for full marks and 0 for no marks at all, whatever rounding says.
    """
    if possible <= 0:
        return None
    rounded = round(100 * score / possible)
    if 0 < score < possible:
        return min(max(rounded, 1), 99)
    return rounded


def of_possible(score: float, possible: float) -> str:
    """`84/88 (95 %)`."""
    share = percent(score, possible)
    return f"{number(score)}/{number(possible)}" + ("" if share is None else f" ({share} %)")


def count(n: float, noun: str) -> str:
    """`1 submission`, `3 submissions`."""
    return f"{number(n)} {noun}" + ("" if n == 1 else "s")


def write_in_one_step(path: Path, text: str) -> None:
    """Write a file so that a reader sees the old one or the new one, never half of it."""
    scratch = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        scratch.write_bytes(text.encode("utf-8"))
        scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)
