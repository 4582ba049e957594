"""Python's files for workers: they import what a submission needs, such as pandas, when it needs it.

A worker has a user id of its own, and others may not enter a folder such as root's home, where Python can be. So in a
mount namespace of the zygote's own, an empty folder takes the place of such a folder, and only what workers may read is
mounted in it. The rest of that folder is not even there any more.

Where that is not permitted (in most containers), or files are out of reach altogether, the zygote imports all of the
standard library; other packages can be imported only as far as others may read them.
"""

import contextlib
import importlib
import os
import pkgutil
import stat
import sys
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from autograder.sandbox import linux

_NOT_IMPORTED = {"__main__", "ensurepip", "idlelib", "lib2to3", "pydoc_data", "test", "tests", "tkinter", "turtledemo"}
"""Parts of the standard library that open windows, or that nobody imports."""


def provide_python(layers: Collection[str], readable: Iterable[Path]) -> None:
    """Have workers with these layers import any module of the standard library, and of `readable` what they can."""
    if "uid" not in layers:
        return  # a worker is the user who grades, and can read what the zygote can
    if "landlock" not in layers or not _open_up([*_existing(readable)]):
        import_standard_library()


def import_standard_library() -> None:
    """Import each module below those that are imported already: encodings, `email.mime.text` and so on."""
    for name in sorted(sys.stdlib_module_names & sys.modules.keys() - _NOT_IMPORTED):
        for module in pkgutil.walk_packages(getattr(sys.modules[name], "__path__", ()), f"{name}."):
            if _NOT_IMPORTED.isdisjoint(module.name.split(".")):
                with contextlib.suppress(ImportError):  # of another platform, or left out of this Python
                    importlib.import_module(module.name)


def _existing(readable: Iterable[Path]) -> Iterable[Path]:
    """The paths, and those by which Python looks for modules in them; these may lead through links."""
    readable = [*readable]
    yield from readable
    for path in map(Path, sys.path):
        resolved = path.resolve()
        if path.exists() and any(resolved.is_relative_to(other) for other in readable):
            yield path


def _open_up(paths: Collection[Path]) -> bool:
    """Open the way to these paths for others; return False where that is not permitted."""
    closed = _by_closed_folder(paths)
    if not closed:
        return True
    try:
        linux.unshare(linux.CLONE_NEWNS)
        linux.mount("none", "/", "", linux.MS_REC | linux.MS_PRIVATE)  # nothing of this is seen from outside
    except OSError:
        return False
    return all(_replace(folder, inside) for folder, inside in closed.items())


def _by_closed_folder(paths: Collection[Path]) -> Mapping[Path, list[Path]]:
    """The outermost folders that others may not enter, and the paths in each; not those within another one."""
    closed = defaultdict(list)
    for path in dict.fromkeys(paths):
        if not any(other in path.parents for other in paths):
            for folder in reversed(path.parents):
                if not folder.stat().st_mode & stat.S_IXOTH:
                    closed[folder.resolve()].append(path)
                    break
    return closed


def _replace(folder: Path, inside: Collection[Path]) -> bool:
    """Mount an empty folder in the place of `folder`, and these paths of it in there; return False if refused."""
    with contextlib.ExitStack() as cleanup:
        before = {path: os.open(path, os.O_PATH | os.O_CLOEXEC) for path in inside}
        for number in before.values():
            cleanup.callback(os.close, number)
        cleanup.callback(os.umask, os.umask(0o022))
        try:
            linux.mount("none", str(folder), "tmpfs", linux.MS_NOSUID | linux.MS_NODEV, "mode=0755")
        except OSError:
            return False
        try:
            for path, number in before.items():
                _mount_at(path, number)
        except OSError:
            linux.unmount(str(folder))
            return False
    return True


def _mount_at(path: Path, number: int) -> None:
    """Mount an open folder or file at a path, which is made if it is not there."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if stat.S_ISDIR(os.fstat(number).st_mode):
        path.mkdir(exist_ok=True)
    elif not path.exists():
        path.touch()
    linux.mount(f"/proc/self/fd/{number}", str(path), "", linux.MS_BIND | linux.MS_REC)
