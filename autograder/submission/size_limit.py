"""Limit on the size of code that is trained: code is short, tables of answers and trained weights are not."""

import contextlib
import io
import tokenize

from autograder.submission.slice import Slice, SlicedCell, lines_of, start_of, statements_in

MOST_BYTES = 20_000
"""Limit in bytes. The longest correct entry of the gallery has 7,400 bytes, including the rest of the solution. A table
of the labels of the 10,000 test images needs 13.3 bits per image to identify it and 3.3 bits for its class, 23,700
bytes of ASCII in all, and such short keys do not survive the changes to the held-out images. A network that reaches
90 % has some 100,000 weights, which need more than the limit even with two bits each."""


def bare(slice_: Slice) -> Slice:
    """Return the slice without comments and without statements that are not kept. Line numbers do not change.

    Code can read the source of its own cells, which Python keeps for tracebacks. So only what is counted may be
    present.
    """
    return Slice(tuple(map(_bare_cell, slice_.cells)), slice_.missing, slice_.problems)


def weight_of(slice_: Slice) -> int:
    """The size in bytes of a slice that `bare` returned, including docstrings and white space, which code can read."""
    return sum(len(cell.source.encode()) for cell in slice_.cells)


def too_heavy(slice_: Slice) -> str:
    """Return why this code is too long to be trained, in a sentence for the student; "" if it is not.

    Args:
        slice_: what `bare` returned.
    """
    weight = weight_of(slice_)
    if weight <= MOST_BYTES:
        return ""
    return (
        f"The code that defines your classes is {weight:,} bytes long without its comments; at most {MOST_BYTES:,} are "
        "trained, so that nobody can bring weights or answers along. Leave out what the four definitions do not need."
    )


def _bare_cell(cell: SlicedCell) -> SlicedCell:
    source = _without_comments(cell.source).encode().split(b"\n")
    body = statements_in(cell.source)
    lines = [b""] * len(source)
    for index in cell.keep:
        first, _ = start_of(body[index])
        part = lines_of(source, body[index])
        part[0] = b"; ".join(filter(None, (lines[first], part[0])))  # two statements on one line
        lines[first : body[index].end_lineno] = part
    text = b"\n".join(lines).decode().rstrip() + "\n"
    return SlicedCell(cell.label, text, tuple(range(len(cell.keep))), cell.module)


def _without_comments(source: str) -> str:
    lines = source.split("\n")
    # `tokenize` rejects some code that the parser accepts. Then comments count.
    with contextlib.suppress(tokenize.TokenError, SyntaxError):
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                row, column = token.start
                lines[row - 1] = lines[row - 1][:column].rstrip()
    return "\n".join(lines)
