"""Write a file atomically: a reader sees the old content or the new one, never half of it."""

import os
from pathlib import Path


def atomic_write(path: Path, data: str | bytes, *, mode: int = 0o644, keep_existing: bool = False) -> None:
    """Write `data`, text as UTF-8, beside `path`, then move it there.

    Args:
        mode: permissions of the file, before the umask.
        keep_existing: if the file exists, perhaps written by another process meanwhile, leave it as it is.
    """
    scratch = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        scratch.touch(mode=mode)
        scratch.write_bytes(data.encode("utf-8") if isinstance(data, str) else data)
        if keep_existing:
            _move_without_replacing(scratch, path)
        else:
            scratch.replace(path)
    finally:
        scratch.unlink(missing_ok=True)


def _move_without_replacing(scratch: Path, path: Path) -> None:
    try:
        os.link(scratch, path)
    except FileExistsError:
        pass
    except OSError:  # a file system without links
        scratch.replace(path)
