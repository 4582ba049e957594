"""The student's classes in this process: debuggable, nothing extra to install.

`RemoteStudent` has the same surface and keeps the code behind a sandbox; the tests cannot tell which they have.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from torch import nn

from autograder.contract import QUESTION_NAMES, REQUIRED
from autograder.student.adam import Adam
from autograder.student.message import CheckFailure, Message
from autograder.student.probe import make_probe
from autograder.student.signature import NetworkClass, Parameter, parameters_of
from autograder.student.skip_init import SkipInit
from autograder.student.with_lists import with_lists
from autograder.student.without_dropout import without_dropout
from autograder.submission import (
    Slice,
    UnreadableSubmission,
    execute,
    find_delegation,
    read_submission,
    slice_submission,
)
from autograder.submission.execute import is_defined, line_that_defines


class NotDefined(CheckFailure):
    """A test asks for a name that the submission does not define."""


def refused_questions(found: Mapping[str, str]) -> dict[str, Message]:
    """The questions that are answered with a ready-made network, and why they earn nothing.

    Args:
        found: what `find_delegation` returns.
    """
    return {
        question: Message(
            expected=f"your own code for {' and '.join(f'`{name}`' for name in names)}",
            got=f"a ready-made network: {'; '.join(found[name] for name in names if name in found)}",
            hint="the text of the question says how to build it from nn.Conv2d, nn.BatchNorm2d and nn.Linear; this "
            "question earns nothing until you do",
        )
        for question, names in QUESTION_NAMES.items()
        if found.keys() & set(names)
    }


def why_missing(slice_: Slice, errors: Sequence[str]) -> dict[str, Message]:
    """For each required name, what to tell a student when it is not there.

    Args:
        slice_: what was found in the submission.
        errors: what went wrong when it was executed, as `execute` returns it.
    """
    hint, where = "\n".join(slice_.problems), "\n".join(errors)
    return {name: Message(got=_not_defined(name), hint=hint, where=where) for name in REQUIRED}


def _not_defined(name: str) -> str:
    return f"`{name}` is not defined in your submission."


class LocalStudent:
    """The student's classes when they run in this process; the `student` fixture returns it.

    Args:
        namespace: the student's names: the globals of a notebook, or the namespace in which a slice was executed.
        why_missing: for a required name, why it is not there (a syntax error in its cell, say).
        refused: for a question, why it earns nothing whatever its code computes, see `refused_questions`.
    """

    isolation: tuple[str, ...] = ()
    """The layers that confine the code: none."""
    has_own_blocks: bool = True
    """Whether a network of the student's own blocks computes what these compute."""
    problems: Sequence[str] = ()
    """What the code raised when it was executed, one text per statement."""

    def __init__(
        self,
        namespace: dict[str, Any],
        why_missing: Mapping[str, Message] | None = None,
        refused: Mapping[str, Message] | None = None,
    ):
        self._namespace = namespace
        self.refused = dict(refused or {})
        self._why_missing = dict(why_missing or {})

    @classmethod
    def from_file(cls, path: Path) -> "LocalStudent":
        """Read, slice and execute a submission in this process.

        Raises:
            UnreadableSubmission: the file holds no code; `str()` is one line for the student.
        """
        if not path.exists():  # whoever runs `pytest` in another folder must see which path is meant
            raise UnreadableSubmission(f"{path}: there is no such file.")
        return cls.from_slice(slice_submission(read_submission(path)))

    @classmethod
    def from_slice(cls, slice_: Slice) -> "LocalStudent":
        """Execute a slice in this process."""
        namespace: dict[str, Any] = {}
        problems = execute(slice_, namespace)
        student = cls(namespace, why_missing(slice_, problems), refused_questions(find_delegation(slice_)))
        student.problems = problems
        return student

    @property
    def BasicBlock(self) -> type[nn.Module]:
        """`BasicBlock(in_planes, planes, stride=1)`."""
        return self._find("BasicBlock")

    @property
    def Bottleneck(self) -> type[nn.Module]:
        """`Bottleneck(in_planes, planes, stride=1)`."""
        return self._find("Bottleneck")

    @property
    def ResNet(self) -> NetworkClass:
        """`ResNet(block, num_blocks, num_classes=10)`, also where its parameters are others; see `NetworkClass`."""
        return NetworkClass(self._find("ResNet"))

    def ResNet18(self, basic_block: type[nn.Module] | None = None) -> nn.Module:
        """Call the student's `ResNet18()`; while it runs, the name `BasicBlock` refers to `basic_block`."""
        build = self._find("ResNet18")
        if basic_block is None:
            return build()
        with self._renamed(build, basic_block):
            return build()

    def parameters(self, name: str) -> tuple[Parameter, ...]:
        """The parameters of the class `name`, for messages; empty where they cannot be known."""
        return parameters_of(self._find(name))

    def probe(self, expansion: int = 1, norm: bool = False) -> type[nn.Module]:
        """A fresh probe block, with BatchNorm or without, see `autograder.student.probe`."""
        return make_probe(expansion, norm)

    def skeleton(self, name: str, *args: Any) -> nn.Module:
        """An object of the class `name`, for the names and shapes of its parameters; their values mean nothing.

        Without random initialization a ResNet-50 is built in a tenth of the time. Code that raises without it runs
        with it.
        """
        make = self.ResNet if name == "ResNet" else self._find(name)
        try:
            with SkipInit():
                return make(*args)
        except Exception:
            return make(*args)

    def line_that_defines(self, name: str, attribute: str) -> str:
        """The student's line that assigns `self.<attribute>` in the class `name`; "" where it cannot be shown."""
        class_ = self._find(name)
        try:
            return line_that_defines(class_, attribute)
        except Exception:  # an attribute of the class may raise whatever it is asked for
            return ""

    def Adam(self, module: nn.Module, lr: float) -> Adam:
        """An optimizer of the module's parameters, with `step()`."""
        return Adam(module, lr)

    def defines(self, name: str) -> bool:
        """Whether the submission defines a required name."""
        return is_defined(self._namespace, name)

    def without_dropout(self) -> AbstractContextManager[Any]:
        """A context in which dropout in the student's code returns its input."""
        return without_dropout()

    def with_lists(self) -> AbstractContextManager[Any]:
        """A context in which a list of layers in the place of a layer is taken for its layers."""
        return with_lists()

    def _find(self, name: str) -> Callable[..., Any]:
        assert name in REQUIRED
        if not self.defines(name):
            raise NotDefined(self._why_missing.get(name, Message(got=_not_defined(name))))
        return self._namespace[name]

    @contextmanager
    def _renamed(self, function: Callable[..., Any], block: type[nn.Module]):
        # The function's own globals: a notebook may have imported ResNet18 from a module of the student's.
        scope = getattr(function, "__globals__", self._namespace)
        before = {"BasicBlock": scope["BasicBlock"]} if "BasicBlock" in scope else {}
        scope["BasicBlock"] = block
        try:
            yield
        finally:
            del scope["BasicBlock"]
            scope.update(before)
