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
    """Whether a function, or the constructor or `forward` of a class, raises `NotImplementedError` whatever it gets.

    A check of an argument, `if dilation > 1: raise NotImplementedError`, does not make a stub, nor does what is left of
    the handout below a `return`.
    """
    if isinstance(node, ast.ClassDef):
        return any(_is_stub(one) for one in node.body if getattr(one, "name", "") in ("__init__", "forward"))
    for statement in getattr(node, "body", ()) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) else ():
        if isinstance(statement, ast.Return):
            return False
        if isinstance(statement, ast.Raise):
            raised = statement.exc.func if isinstance(statement.exc, ast.Call) else statement.exc
            return isinstance(raised, ast.Name) and raised.id == "NotImplementedError"
    return False
