"""How much of the assignment the code of one student holds: to choose among several files."""

import ast
import hashlib
from dataclasses import dataclass

from autograder.contract import REQUIRED
from autograder.submission.slice import Slice


@dataclass(frozen=True)
class Content:
    """What counts of a file when there are several.

    Args:
        defined: how many of the required names it defines, stubs left out.
        named: how many it defines, stubs included.
        meaning: equal for files that define the names in the same way; "" if it defines none.
    """

    defined: int = 0
    named: int = 0
    meaning: str = ""

    @property
    def rank(self) -> tuple[int, int]:
        """The more, the better."""
        return self.defined, self.named

    @property
    def is_complete(self) -> bool:
        """Whether it defines all required names, and none as a stub."""
        return self.defined == len(REQUIRED)


NOTHING = Content()


def content_of(slice_: Slice) -> Content:
    """What a submission defines, by the statements that are executed."""
    named = len(REQUIRED) - len(slice_.missing)
    if not named:
        return NOTHING
    nodes = [node for _, node in slice_.nodes]
    try:
        text = "\n".join(map(ast.dump, nodes))
    except RecursionError:  # nested too deeply
        text = "\n".join(cell.source for cell in slice_.cells)
    meaning = hashlib.sha256(text.encode(errors="surrogatepass")).hexdigest()
    return Content(named - _count_stubs(nodes), named, meaning)


def _count_stubs(nodes: list[ast.stmt]) -> int:
    last = {getattr(node, "name", ""): node for node in nodes}
    return sum(_is_stub(last[name]) for name in REQUIRED if name in last)


def _is_stub(node: ast.stmt) -> bool:
    raised = [inner.exc for inner in ast.walk(node) if isinstance(inner, ast.Raise)]
    raised = [value.func if isinstance(value, ast.Call) else value for value in raised]
    return any(isinstance(value, ast.Name) and value.id == "NotImplementedError" for value in raised)
