"""Files beside the one that is graded, which its code imports: `from blocks import BasicBlock`.

A file in a package can name what it imports by that package: `from .blocks import BasicBlock`, or `from models.blocks
import BasicBlock` in a file of `models/`. It is then graded as that package's file, and not as a script alone.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from autograder.submission.magics import neutralise
from autograder.submission.read import Cell
from autograder.submission.run_files import named_by_file, with_run_files

Scripts = Mapping[str, Sequence[Cell]]
"""By path, the Python files and notebooks that were handed in."""
Modules = dict[str, list[Cell]]
"""By path, those of them that other code imports, with the names of their modules."""

NO_FOLDER = "package"
"""What the package of the file is called where its folder was not handed in, only what is in it."""
MOST_DOTS = 20
"""Of a relative import; more of them lead nowhere."""
_IMPORT = re.compile(
    r"(?:^[ \t]*from[ \t]+\.*|\b(?:import_module|__import__)\([ \t]*[\"'])([A-Za-z_]\w*)"
    r"|^[ \t]*(?:from[ \t]+\.+[ \t]+)?import[ \t]+(\([^)]{0,2000}\)|.+)",
    re.M,
)
"""The first part of a module's name, or the names after `import`."""
_IMPORTS_NOTEBOOKS = re.compile(r"^[ \t]*(?:from|import)[ \t]+(?:import_ipynb|importnb|nbimporter|ipynb)\b", re.M)
_NOTEBOOK_PACKAGE = re.compile(r"(?P<before>^[ \t]*(?:from|import)[ \t]+)ipynb\.fs\.(?:full|defs)\.", re.M)
"""`from ipynb.fs.full.blocks import BasicBlock` imports from `blocks.ipynb`."""
_RELATIVE = re.compile(r"(?P<from>(?:^|[;:])[ \t]*from[ \t]+)(?P<dots>\.+)[ \t]*(?P<next>import\b|[A-Za-z_])", re.M)
_ABSOLUTE = re.compile(r"(?:^|[;:])[ \t]*(?:from|import)[ \t]+([A-Za-z_]\w*)", re.M)

_IN_FILE = re.compile(rb"(?:^|\"|\\n)[ \t]*(?:from|import)[ \t]+\.?([A-Za-z_]\w*)", re.M)
"""An import in the bytes of a script, or of a notebook, where the lines of a cell are texts of JSON."""


def with_imported_files(path: str, cells: Sequence[Cell], scripts: Scripts) -> tuple[tuple[Cell, ...], Modules]:
    """Return the code of a file with absolute imports, and map the path of each script that it imports to its cells.

    Args:
        path: of the file that is graded.
        cells: its code.
        scripts: those in its folder, or in the one above its package, and below that, are modules; what a cell runs
            takes its place before that cell.
    """
    folders = path.split("/")[:-1]
    cells, run = with_run_files(path, cells, scripts)
    scripts = _importable(cells, scripts)
    inside = _folders_of_package(folders, cells, scripts, path)
    root, package = folders[: max(0, len(folders) - inside)], folders[max(0, len(folders) - inside) :]
    prefix = [NO_FOLDER] * (inside - len(package))
    names = [*prefix, *map(_as_name, package)]
    code = tuple(replace(cell, source=_with_absolute_imports(cell.source, names)) for cell in cells)
    modules = {
        script: ".".join([*prefix, _module_of(script, root)]).removesuffix(".__init__")
        for script in scripts
        if script != path and _is_below(script, root) and not _is_being_imported(path, script, scripts[script])
    }
    return code, {script: [] for script in run} | _imported(code, scripts, modules)


def _importable(cells: Sequence[Cell], scripts: Scripts) -> Scripts:
    """The Python files; and where the code asks for a package that imports notebooks, these as well."""
    found = {path: scripts[path] for path in scripts if path.endswith(".py")}
    if any(_IMPORTS_NOTEBOOKS.search(cell.source) for cell in cells):
        for path in scripts:
            if path not in found and f"{path.removesuffix('.ipynb')}.py" not in found:
                named = named_by_file(path, scripts[path])
                found[path] = [replace(cell, source=neutralise(cell.source)) for cell in named]
    return found


def _imported(code: Sequence[Cell], scripts: Scripts, modules: Mapping[str, str]) -> Modules:
    """The scripts that the code imports, directly or through another, with the `modules` that they are."""
    by_root: dict[str, list[str]] = {}
    for script, module in modules.items():
        by_root.setdefault(module.partition(".")[0], []).append(script)
    found: Modules = {}
    waiting = [*code]
    while waiting:
        for direct, listed in _IMPORT.findall(waiting.pop().source):
            for root in [direct, *re.findall(r"\w+", listed)]:
                for script in by_root.pop(root, ()):
                    found[script] = [replace(cell, module=modules[script]) for cell in scripts[script]]
                    waiting += scripts[script]
    return found


def _folders_of_package(folders: Sequence[str], cells: Sequence[Cell], scripts: Scripts, path: str) -> int:
    """How many folders above a file belong to its package, by how the file imports others; 0 for a script alone."""
    inside = _level(cells)
    beside = {script[len("/".join([*folders, ""])) :].split("/")[0] for script in scripts if _is_below(script, folders)}
    for name in {name for cell in cells for name in _ABSOLUTE.findall(cell.source)}:
        if name in folders and name not in beside and f"{name}.py" not in beside:
            inside = max(inside, len(folders) - max(n for n, folder in enumerate(folders) if folder == name))
    if inside == 0:
        return 0
    for script in scripts:  # a file beside it can lead further up: `from ..layers import conv3x3`
        if script != path and _is_below(script, folders):
            inside = max(inside, _level(scripts[script]) - script.count("/") + len(folders))
    return inside


def _level(cells: Sequence[Cell]) -> int:
    """The most dots of a relative import."""
    dots = (len(found["dots"]) for cell in cells for found in _RELATIVE.finditer(cell.source))
    return min(max(dots, default=0), MOST_DOTS)


def _is_below(script: str, folders: Sequence[str]) -> bool:
    return script.startswith("/".join([*folders, ""]))


def _is_being_imported(path: str, script: str, cells: Sequence[Cell]) -> bool:
    """Whether a script is the `__init__.py` of a package and imports the file that is graded: it cannot do so now."""
    folder, _, name = script.rpartition("/")
    if name != "__init__.py" or not path.startswith(f"{folder}/" if folder else ""):
        return False
    stem = path.rpartition("/")[2].removesuffix(".py")
    imports = re.compile(rf"^[ \t]*(?:from|import)\b.*\b{re.escape(stem)}\b", re.M)
    return any(imports.search(cell.source) for cell in cells)


def _with_absolute_imports(source: str, package: Sequence[str]) -> str:
    """`from models.blocks import x` for `from .blocks import x`; each line stays where it was."""

    def absolute(found: re.Match[str]) -> str:
        above = ".".join(package[: max(1, len(package) - len(found["dots"]) + 1)])
        return (
            f"{found['from']}{above} import" if found["next"] == "import" else f"{found['from']}{above}.{found['next']}"
        )

    return _NOTEBOOK_PACKAGE.sub(r"\g<before>", _RELATIVE.sub(absolute, source))


def _module_of(script: str, root: Sequence[str]) -> str:
    """`models.blocks` for `folder/models/blocks.py`."""
    *folders, name = script.removeprefix("/".join([*root, ""])).split("/")
    return ".".join([*map(_as_name, folders), name.rpartition(".")[0]])


def _as_name(folder: str) -> str:
    """What a folder is called in an import; `my hw-3` is no name."""
    return folder if folder.isidentifier() else re.sub(r"\W", "_", f"_{folder}")


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
            modules.setdefault(_module_of(path, ()).partition(".")[0], set()).add(path)
    below = {path: set().union(*(modules.get(name, ()) for name in names)) - {path} for path, names in imports.items()}
    first = files.keys() - set().union(*below.values())
    reached, waiting = set(first), [*first]
    while waiting:
        new = below[waiting.pop()] - reached
        reached |= new
        waiting += new
    return first if reached == files.keys() else files.keys()
