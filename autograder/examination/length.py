"""How long the code is that would be trained: what is too long can bring answers along."""

import ast

from autograder.submission import Slice
from autograder.suite import expect

MOST_BYTES = 20_000
"""Right submissions have 7,000 at most. Pretrained weights take millions; a table that knows 10,000 images by sight and
their labels takes more than this, however it is packed."""


def require_short(slice_: Slice) -> None:
    """Fail when the code, comments not counted, is longer than any network needs."""
    if (length := code_bytes(slice_)) > MOST_BYTES:
        asked = f"a network in at most {MOST_BYTES:,} bytes of code, comments not counted"
        look = "leave out tables and data: what the network knows must come from the training"
        expect.fail(asked, f"{length:,} bytes", look)


def code_bytes(slice_: Slice) -> int:
    """Bytes of the statements that are executed, written anew from their syntax: without comments and blank space."""
    return sum(_length(cell.source, cell.keep) for cell in slice_.cells)


def _length(source: str, keep: tuple[int, ...]) -> int:
    try:
        body = ast.parse(source).body
        return sum(len(ast.unparse(body[index]).encode(errors="surrogatepass")) for index in keep)
    except RecursionError:  # nested too deeply for anybody to have written
        return len(source.encode(errors="surrogatepass"))
