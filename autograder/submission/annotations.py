"""Find out whether an exception was raised by an annotation.

Since Python 3.14, annotations are not evaluated when a function is defined. So a name that only an annotation needs may
be missing there.
"""

import ast
from collections.abc import Iterator
from itertools import islice
from types import TracebackType

_Place = tuple[int, int]
"""A line, and a column in bytes."""


def raised_in_annotation(error: BaseException, statement: ast.stmt, filename: str) -> bool:
    """Whether an exception comes from evaluating an annotation within the statement, compiled as this file."""
    spans = [*_annotations(statement)]
    return any(start <= place <= end for place in _places(error.__traceback__, filename) for start, end in spans)


def _annotations(statement: ast.stmt) -> Iterator[tuple[_Place, _Place]]:
    """First and last place of each annotation."""
    for node in ast.walk(statement):
        for part in (getattr(node, "annotation", None), getattr(node, "returns", None)):
            if isinstance(part, ast.expr):
                yield (part.lineno, part.col_offset), (part.end_lineno, part.end_col_offset)


def _places(step: TracebackType | None, filename: str) -> Iterator[_Place]:
    """Where the file's code was, in each frame on the way to an exception."""
    while step is not None:
        code = step.tb_frame.f_code
        if code.co_filename == filename:
            line, _, column, _ = next(islice(code.co_positions(), step.tb_lasti // 2, None), (None,) * 4)
            if line is not None and column is not None:
                yield line, column
        step = step.tb_next
