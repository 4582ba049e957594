"""Files that a cell runs and does not import: `%run blocks.ipynb`, `exec(open("blocks.py").read())`.

What they define belongs to the notebook, so their cells take their place among its own, before the cell that runs them.
"""

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from autograder.submission.read import Cell

MOST_RUN = 50
"""Files that are run by a submission, directly or through another."""
_RUN = re.compile(
    r"""^[ \t]*(?:
        %run[ \t]+(?:-\w+[ \t]+)*(?P<magic>"[^"\n]+"|'[^'\n]+'|[^\s"'#]+)
        |get_ipython\(\)\.(?:run_line_magic\(["']run["'],[ \t]*|magic\()
            ["'](?:run[ \t]+)?(?:-\w+[ \t]+)*(?P<call>[^"'\s]+)
        |exec\((?:compile\()?(?:open|(?:pathlib\.)?Path)\([ \t]*["'](?P<text>[^"'\n]+)
    )""",
    re.MULTILINE | re.VERBOSE,
)


def with_run_files(
    path: str, cells: Sequence[Cell], files: Mapping[str, Sequence[Cell]]
) -> tuple[list[Cell], list[str]]:
    """Return the cells of a file and of those that it runs, in the order in which they run, and the paths of these.

    Args:
        path: of the file that is graded.
        cells: its code.
        files: the notebooks and Python files that were handed in, by path.
    """
    seen = [path]

    def insert(where: str, some: Sequence[Cell]) -> Iterator[Cell]:
        for cell in some:
            for found in _run_by(where, cell.source, files):
                if found not in seen and len(seen) <= MOST_RUN:
                    seen.append(found)
                    yield from insert(found, named_by_file(found, files[found]))
            yield cell

    return [*insert(path, cells)], seen[1:]


def named_by_file(path: str, cells: Sequence[Cell]) -> list[Cell]:
    """The cells of another notebook, called so in messages: "blocks.ipynb, cell 2"."""
    if not path.lower().endswith(".ipynb"):
        return [*cells]
    return [replace(cell, label=f"{path.rpartition('/')[2]}, {cell.label}") for cell in cells]


def _run_by(path: str, source: str, files: Mapping[str, Sequence[Cell]]) -> Iterator[str]:
    """The files that a cell runs, of those that were handed in; a path is relative to the file with the cell."""
    for found in _RUN.finditer(source):
        name = (found["magic"] or found["call"] or found["text"]).strip("\"'")
        whole = posixpath.normpath(posixpath.join(posixpath.dirname(path), name))
        yield from (one for one in (whole, f"{whole}.py") if one in files)
