"""The parameters of the student's constructors: how to call one that differs from the question, and how to say so."""

import inspect
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from autograder.student.errors import NOT_ABOUT_THE_CODE, StudentError

CLASSES = 10
"""What the question says for `num_classes` where nobody says anything."""
_POSITIONAL = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
OTHER_LAYERS = ("norm", "act", "relu", "drop")
"""In the names of parameters that are no shortcut: `norm_layer=None`, say."""
_MOST = 20
"""Parameters that are looked at."""


@dataclass(frozen=True)
class Parameter:
    """One parameter of a constructor.

    Args:
        name: as written; with its stars, where it has some.
        positional: whether it can be passed by position.
        default: in words, "" where it has none.
    """

    name: str
    positional: bool = True
    default: str = ""

    def __str__(self) -> str:
        return f"{self.name}={self.default}" if self.default else self.name

    @property
    def means_classes(self) -> bool:
        """Whether it is `num_classes`, perhaps under another name; a `block_class` is none."""
        if self.name.startswith("*"):
            return False
        return self.default == str(CLASSES) or ("class" in self.name.lower() and "block" not in self.name.lower())


def parameters_of(make: Callable[..., Any]) -> tuple[Parameter, ...]:
    """The parameters of a class or function of the student, without `self`; empty where they cannot be known."""
    try:
        found = list(inspect.signature(make).parameters.values())[:_MOST]
    except Exception:  # whatever the student's class does when it is looked at
        return ()
    return tuple(_parameter(one) for one in found)


def _parameter(found: inspect.Parameter) -> Parameter:
    stars = {inspect.Parameter.VAR_POSITIONAL: "*", inspect.Parameter.VAR_KEYWORD: "**"}.get(found.kind, "")
    default = found.default
    if default is found.empty:
        words = ""
    else:
        words = repr(default) if type(default) in (int, float, bool, str, type(None)) else type(default).__name__
    return Parameter(f"{stars}{found.name}", found.kind in _POSITIONAL, words[:40])


def further_parameters(parameters: Sequence[Parameter], count: int = 3) -> list[Parameter]:
    """Those beyond the first `count`, without `*args` and `**kwargs`."""
    positional = [p for p in parameters if p.positional]
    return [p for p in parameters if p not in positional[:count] and not p.name.startswith("*")]


def shortcut_parameters(parameters: Sequence[Parameter]) -> list[Parameter]:
    """Further parameters of a block that may be its shortcut: None by default, and not called after other layers."""
    found = [p for p in further_parameters(parameters) if p.default == "None"]
    return [p for p in found if not any(layer in p.name.lower() for layer in OTHER_LAYERS)]


def classes_parameter(parameters: Sequence[Parameter]) -> Parameter | None:
    """The parameter of `ResNet` that is `num_classes`; None where there is none, or only `*args`."""
    third = [p for p in parameters if p.positional][2:3]
    told = [p for p in (*third, *parameters) if p.means_classes] + [p for p in third if not p.default]
    return told[0] if told else None


def accepts_classes(parameters: Sequence[Parameter]) -> bool:
    """Whether the number of classes can be passed to `ResNet` at all."""
    starred = not parameters or any(p.name.startswith("*") for p in parameters)
    return starred or classes_parameter(parameters) is not None


NOT_WHOLE = "not a whole number"


def expansion_of(block: Any) -> int | str | None:
    """The attribute `expansion` of a block's class; None where there is none, and `NOT_WHOLE` for a float, say."""
    try:
        return operator.index(block.expansion)
    except NOT_ABOUT_THE_CODE:
        raise
    except Exception as error:
        kind = error.kind if isinstance(error, StudentError) else type(error).__name__
        return None if kind == "AttributeError" else NOT_WHOLE


class NetworkClass:
    """The student's `ResNet`, called as the question says where its parameters are others.

    A `num_classes` that is not the third parameter is passed where it is; one that is missing is not passed; one
    without the default of the question is always passed. The check of the logits' shape charges each of these.
    """

    def __init__(self, make: Callable[..., Any]):
        self.exactly = make
        """The class itself."""

    def __call__(self, block: Any, num_blocks: Sequence[int], num_classes: int | None = None) -> Any:
        """Build a network of the student's. It gets the list `num_blocks` itself, or a new one for a tuple."""
        num_blocks = [*num_blocks] if isinstance(num_blocks, tuple) else num_blocks
        positional, named = self._arguments(block, num_blocks, num_classes)
        return self.exactly(*positional, **named)

    def _arguments(self, block: Any, num_blocks: Any, num_classes: int | None) -> tuple[list[Any], dict[str, Any]]:
        given, parameters = [block, num_blocks], parameters_of(self.exactly)
        found = classes_parameter(parameters)
        as_default = found is None or found.default == str(CLASSES)
        if not accepts_classes(parameters) or (num_classes is None and as_default):
            return given, {}
        classes = CLASSES if num_classes is None else num_classes
        first = [p for p in parameters if p.positional][:3]
        if found is None or found in first:
            given.insert(first.index(found) if found else 2, classes)
            return given, {}
        return given, {found.name: classes}
