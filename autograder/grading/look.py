"""What a file of a student defines, read in a confined process: to choose among several files of one student."""

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

from autograder.sandbox.launcher import SandboxUnavailable, Zygote, require_confinement
from autograder.sandbox.reader import read_confined
from autograder.student.errors import GraderBroken
from autograder.submission import NOTHING, Content, UnreadableSubmission, read_source, read_upload


@contextlib.contextmanager
def open_look(unsafe: bool = False) -> Iterator[Callable[[Path], Content | None]]:
    """Yield a function that says what a file or a folder defines; None where the grader cannot read it here and now.

    Its first call takes seconds, for the process that the readers are forked from.

    Args:
        unsafe: read in this process where none can be confined; otherwise the function raises `SandboxUnavailable`.
    """
    with contextlib.ExitStack() as opened:
        zygotes: list[Zygote | None] = []

        def look(path: Path) -> Content | None:
            if not zygotes:
                zygotes.append(_zygote(unsafe, opened))
            zygote = zygotes[0]
            try:
                return (read_confined(path, zygote) if zygote else read_source(read_upload(path))).content
            except UnreadableSubmission:
                return NOTHING
            except SandboxUnavailable:
                raise
            except (OSError, GraderBroken):
                return None

        yield look


def _zygote(unsafe: bool, opened: contextlib.ExitStack) -> Zygote | None:
    try:
        require_confinement()
    except SandboxUnavailable:
        if not unsafe:
            raise
        return None
    return opened.enter_context(Zygote())
