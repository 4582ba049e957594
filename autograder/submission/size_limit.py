"""How much a submission carries into a training: code is short, tables of answers and trained weights are not."""

import ast
import contextlib
import io
import tokenize

from autograder.submission.slice import Slice, SlicedCell, lines_of, start_of

MOST_BYTES = 20_000
"""What a submission may carry. The longest right one of the gallery has 7,400 bytes, and holds the solution besides.
A table of the 10,000 test images needs 13.3 bits an image to tell it from the others and 3.3 to say its class, 23,700
bytes of ASCII in all, and keys so short do not survive what is done to held-out images. A network that reaches 90 % has
some 100,000 weights, which take more than that even with two bits each."""


def bare(slice_: Slice) -> Slice:
    """The slice without what does not run: comments, and statements that are not kept. Lines keep their numbers.

    Running code can read its own cells, for Python shows their lines in tracebacks. So what counts must be all that is
    there.
    """
    return Slice(tuple(map(_bare_cell, slice_.cells)), slice_.missing, slice_.problems)


def weight_of(slice_: Slice) -> int:
    """Bytes of what `bare` leaves: docstrings and white space too, for code can read them."""
    return sum(len(cell.source.encode()) for cell in bare(slice_).cells)


def too_heavy(slice_: Slice) -> str:
    """Why this code is not trained, in a sentence for the student; "" where it is short enough."""
    weight = weight_of(slice_)
    if weight <= MOST_BYTES:
        return ""
    return (
        f"The code that defines your classes is {weight:,} bytes long without its comments; at most {MOST_BYTES:,} are "
        "trained, so that nobody can bring weights or answers along. Leave out what the four definitions do not need."
    )


def _bare_cell(cell: SlicedCell) -> SlicedCell:
    source = _without_comments(cell.source).encode().split(b"\n")
    body = ast.parse(cell.source).body
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
    with contextlib.suppress(tokenize.TokenError, SyntaxError):  # older than the parser: what it cannot read counts
        for token in tokenize.generate_tokens(io.StringIO(source).readline):
            if token.type == tokenize.COMMENT:
                row, column = token.start
                lines[row - 1] = lines[row - 1][:column].rstrip()
    return "\n".join(lines)
