"""Files beside the one that is graded, which its code imports: `from blocks import BasicBlock`."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from autograder.submission.read import Cell

_IMPORT = re.compile(r"^[ \t]*(?:from|import)[ \t]+\.?([A-Za-z_]\w*)|^[ \t]*from[ \t]+\.[ \t]+import[ \t]+(.+)", re.M)

_IN_FILE = re.compile(rb"(?:^|\"|\\n)[ \t]*(?:from|import)[ \t]+\.?([A-Za-z_]\w*)", re.M)
"""An import in the bytes of a script, or of a notebook, where the lines of a cell are texts of JSON."""


def imported_files(path: str, cells: Sequence[Cell], scripts: Mapping[str, Sequence[Cell]]) -> dict[str, list[Cell]]:
    """Map the path of each script that the code imports, directly or through another, to its cells, as a module.

    Args:
        path: of the file that is graded.
        cells: its code.
        scripts: by path, the other Python files that were handed in; those in its folder, and below that, are modules.
    """
    folder = path.rpartition("/")[0]
    modules: dict[str, list[str]] = {}
    for script in scripts:
        if script != path and script.startswith(f"{folder}/" if folder else ""):
            modules.setdefault(_module_of(script, folder).partition(".")[0], []).append(script)
    found: dict[str, list[Cell]] = {}
    waiting = [*cells]
    while waiting:
        for direct, listed in _IMPORT.findall(waiting.pop().source):
            for root in [direct, *re.findall(r"\w+", listed)]:
                for script in modules.pop(root, ()):
                    module = _module_of(script, folder)
                    found[script] = [replace(cell, module=module) for cell in scripts[script]]
                    waiting += scripts[script]
    return found


def _module_of(script: str, folder: str) -> str:
    """`models.blocks` for `folder/models/blocks.py`."""
    inside = script.removeprefix(f"{folder}/") if folder else script
    return inside[: -len(".py")].replace("/", ".").removesuffix(".__init__")


def not_imported(files: Mapping[str, bytes]) -> Collection[str]:
    """The paths of the files that no other one imports, where these import all others, directly or through another.

    Files that do not hang together so have nothing to do with each other: then all paths are returned. Nothing is
    parsed, because nothing is confined here.

    Args:
        files: by path, the bytes of the files of a folder.
    """
    imports = {path: {name.decode() for name in _IN_FILE.findall(data)} for path, data in files.items()}
    modules: dict[str, set[str]] = {}
    for path in files:
        if path.endswith(".py"):
            modules.setdefault(_module_of(path, "").partition(".")[0], set()).add(path)
    below = {path: set().union(*(modules.get(name, ()) for name in names)) - {path} for path, names in imports.items()}
    first = files.keys() - set().union(*below.values())
    reached, waiting = set(first), [*first]
    while waiting:
        new = below[waiting.pop()] - reached
        reached |= new
        waiting += new
    return first if reached == files.keys() else files.keys()
