"""A folder as no class hands it in: ten right submissions among thirty that once stopped the grader."""

import json
import os
from pathlib import Path

from tests.grader.layouts import layouts, script_of, solved, zip_of

RIGHT = 10


def write_class(folder: Path) -> tuple[list[Path], list[Path]]:
    """Write the forty into an empty folder; returns `(right, hostile)`."""
    right, hostile = folder / "right", folder / "hostile"
    for path in (right, hostile):
        path.mkdir(parents=True)
    return _write_right(right), _write_hostile(hostile)


def _write_right(folder: Path) -> list[Path]:
    script, layout = script_of(solved()), layouts()
    files = {f"right {number}.ipynb": solved() for number in range(3)}
    files |= {f"{'x' * 250}.py": script, "Capital.IPYNB": solved(), "UPPER.ZIP": zip_of({"hw3.ipynb": solved()})}
    files |= {f"{name}.zip": zip_of(layout[name].files) for name in ("macos", "windows", "copy", "handout")}
    assert len(files) == RIGHT
    return [_write(folder, name, data) for name, data in files.items()]


def _write_hostile(folder: Path) -> list[Path]:
    paths = [_write(folder, name, data) for name, data in {**_unreadable(), **_slow(), **_odd()}.items()]
    (folder / "link_one.py").symlink_to(paths[0])
    (folder / "link_two.py").symlink_to(paths[0])
    return [*paths, folder / "link_one.py", folder / "link_two.py"]


def _unreadable() -> dict[str, bytes]:
    empty_cells = json.dumps({"cells": [{"cell_type": "code", "source": ""}] * 1_400_000}).encode()
    other = solved().replace(b"bias=False", b"bias=0")
    return {
        "empty.ipynb": b"",
        "not_json.ipynb": b"{",
        "nested.ipynb": b'{"cells":' + b"[" * 2_000_000,
        "utf16.py": b"\xff\xfex",
        "torn.zip": b"PK\3\4 torn",
        "bomb.zip": zip_of({"a.ipynb": b"0" * 50_000_000}),
        "cells.zip": zip_of({"a.ipynb": empty_cells}),
        "lists.ipynb": b'{"cells":[' + b"[]," * 16_000_000 + b"[]]}",
        "tie.zip": zip_of({"a.py": script_of(solved()), "b.py": script_of(other)}),
        os.fsdecode(b"\xff\xfe.py"): b"x = 1\n",
    }


def _slow() -> dict[str, bytes]:
    """What took minutes to read, or gigabytes."""
    names = b",".join(b"n%d" % number for number in range(22_000))
    cells = [f"%%file m{number}.py\nx = 1\n" for number in range(1_500)]
    return {
        "newlines.py": b"\n" * 199_000 + b"x = 1\n",
        "spaces.py": b" " * 199_000 + b"x = 1\n",
        "magic_calls.py": b"run_cell_magic(" * 12_000,
        "assignments.py": b"".join(b"a%d = a%d\n" % (number, number + 1) for number in range(9_900)),
        "names.py": names + b" = " + names[:50_000].rpartition(b",")[0] + b"\n",
        "files.ipynb": json.dumps({"cells": [{"cell_type": "code", "source": cell} for cell in cells]}).encode(),
        "functions.py": b"".join(b"def f%d(): f%d()\n" % (number, number + 1) for number in range(9_900)),
        "statements.py": b"0\n" * 90_000,
        "parentheses.py": b"(" * 190_000,
    }


def _odd() -> dict[str, bytes]:
    """Code that is read soon, and stops or fills its process."""
    head = "from torch import nn\nimport torch\n"
    block = (
        head
        + "class BasicBlock(nn.Module):\n    expansion = 1\n    def __init__(self, *a):\n        super().__init__()\n"
    )
    return {
        "nothing.py": b"x = 1\n",
        "exit.py": (head + "import os\nclass BasicBlock(nn.Module):\n    os._exit(0)\n").encode(),
        "sys_exit.py": (head + "import sys\nclass BasicBlock(nn.Module):\n    sys.exit()\n").encode(),
        "recursion.py": (block + "        self.__init__()\n").encode(),
        "memory.py": (block + "        self.x = [torch.ones(1 << 28) for _ in range(99)]\n").encode(),
        "bash.ipynb": json.dumps({"cells": [{"cell_type": "code", "source": "%%bash\nls"}]}).encode(),
        "syntax.py": (block + "        x = (\n").encode(),
        "hang.py": (block + "        while True: pass\n").encode(),
        "raises.py": (block + "        raise ValueError('\\udcff \\x1b[2J')\n").encode(),
    }


def _write(folder: Path, name: str, data: bytes) -> Path:
    (folder / name).write_bytes(data)
    return folder / name
