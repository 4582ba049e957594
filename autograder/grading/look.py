"""What files of students define, read in confined processes: to choose among several files of one student.

PyTorch, with which bytes are sent to them, is imported only where there are such files: whoever asks lives long.
"""

import functools
import os
from collections.abc import Collection
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from autograder.sandbox.launcher import SandboxUnavailable, Zygote, require_confinement
from autograder.student.errors import GraderBroken
from autograder.submission import NOTHING, Content, UnreadableSubmission, read_source, read_upload


def look_at(paths: Collection[Path], unsafe: bool = False, jobs: int | None = None) -> dict[Path, Content | None]:
    """Say what each file or folder defines; None where the grader cannot read it here and now.

    Args:
        unsafe: read in this process where none can be confined.
        jobs: files read at once; one a core when None.

    Raises:
        SandboxUnavailable: no process can be confined here, and `unsafe` is not given.
    """
    if not paths:
        return {}
    try:
        require_confinement()
    except SandboxUnavailable:
        if not unsafe:
            raise
        return {path: _look(path, None) for path in paths}
    with Zygote() as zygote, ThreadPoolExecutor(jobs or os.cpu_count()) as threads:
        return dict(zip(paths, threads.map(functools.partial(_look, zygote=zygote), paths), strict=True))


def _look(path: Path, zygote: Zygote | None) -> Content | None:
    from autograder.sandbox.reader import read_confined

    try:
        return (read_confined(path, zygote) if zygote else read_source(read_upload(path))).content
    except UnreadableSubmission:
        return NOTHING
    except SandboxUnavailable:
        raise
    except (OSError, GraderBroken):
        return None
