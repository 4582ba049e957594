"""Reading, slicing and executing submissions: whatever comes in, the student gets a fair slice or one clear line."""

import ast
import builtins
import contextlib
import io
import json
import keyword
import os
import re
import sys
import textwrap
import time
import zipfile
from pathlib import Path

import nbformat
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autograder.contract import REQUIRED
from autograder.student.local import LocalStudent, NotDefined
from autograder.submission import (
    Cell,
    Slice,
    Submission,
    UnreadableSubmission,
    all_slices,
    execute,
    fingerprint,
    read_submission,
    slice_submission,
    student_lines,
)
from autograder.submission import read as reading
from autograder.submission.execute import is_defined
from autograder.submission.f_strings import rewrite_f_strings
from autograder.submission.magics import neutralise
from autograder.submission.newer_python import needs_newer_python

SAMPLES = Path(__file__).parent / "samples"
CODE = "import torch\n\n\nclass BasicBlock: pass\n"
OTHER = CODE.replace("pass", "x = 1")


# --- helpers -----------------------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def _forget_written_modules():
    """A module that one test's notebook writes is not there in the next test."""
    before = set(sys.modules)
    yield
    for name in set(sys.modules) - before:
        if getattr(sys.modules[name], "__spec__", None) is None:
            del sys.modules[name]


def submit(*sources: str) -> Submission:
    """A notebook with these code cells."""
    cells = [Cell(f"cell {number}", textwrap.dedent(source)) for number, source in enumerate(sources, start=1)]
    return Submission("homework.ipynb", tuple(cells))


def run(*sources: str, required=("BasicBlock",)) -> dict:
    """Slice and execute cells that must raise nothing; returns the namespace."""
    slice_ = slice_submission(submit(*sources), required)
    assert slice_.missing == ()
    namespace = {}
    assert execute(slice_, namespace) == []
    return namespace


def kept(*sources: str, required=("BasicBlock",)) -> str:
    """The kept source lines of a sliced notebook, joined."""
    slice_ = slice_submission(submit(*sources), required)
    return "\n".join(ast.unparse(ast.parse(cell.source).body[i]) for cell in slice_.cells for i in cell.keep)


def notebook(*cells, **metadata) -> dict:
    """A minimal notebook of format 4; cells are sources, or whole cells."""
    whole = [
        cell
        if isinstance(cell, dict)
        else {"cell_type": "code", "metadata": {}, "outputs": [], "execution_count": None, "source": cell}
        for cell in cells
    ]
    return {"cells": whole, "metadata": metadata, "nbformat": 4, "nbformat_minor": 4}


def write(folder: Path, name: str, content) -> Path:
    """Write text, bytes, or anything that JSON takes."""
    path = folder / name
    if not isinstance(content, (str, bytes)):
        content = json.dumps(content)
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def zipped(folder: Path, members, name="export.zip", **kwargs) -> Path:
    """A zip with these (name or ZipInfo, content) members."""
    path = folder / name
    with zipfile.ZipFile(path, "w", **kwargs) as archive:
        for member, content in members:
            archive.writestr(member, content if isinstance(content, (str, bytes)) else json.dumps(content))
    return path


def refused(path: Path) -> str:
    """The one line with which a file is refused."""
    with pytest.raises(UnreadableSubmission) as caught:
        read_submission(path)
    line = str(caught.value)
    assert "\n" not in line
    assert line.startswith(path.name)
    assert not re.search(r": (is|holds) ", line)  # after a colon stands a whole sentence
    return line


# --- read --------------------------------------------------------------------------------------------------------


def test_declared_encoding(tmp_path):
    path = tmp_path / "a.py"
    path.write_bytes("# -*- coding: latin-1 -*-\nBasicBlock = 'é'\n".encode("latin-1"))
    assert run(read_submission(path).cells[0].source)["BasicBlock"] == "é"


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_byte_order_mark(encoding, tmp_path):
    """What Windows programs put at the beginning says how the rest is to be read."""
    path = tmp_path / "a.py"
    path.write_bytes("BasicBlock = 'é'\n".encode(encoding))
    assert run(read_submission(path).cells[0].source)["BasicBlock"] == "é"


def test_notebook_cells_are_numbered_among_code_cells(tmp_path):
    text = {"cell_type": "markdown", "metadata": {}, "source": "# Title"}
    submission = read_submission(write(tmp_path, "a.ipynb", notebook(text, "x = 1", text, ["y = 2\n", "z = 3"], "")))
    assert submission.cells == (Cell("cell 1", "x = 1"), Cell("cell 2", "y = 2\nz = 3"), Cell("cell 3", ""))
    assert submission.name == "a.ipynb"


def test_notebook_of_format_3(tmp_path):
    cell = {"cell_type": "code", "language": "python", "input": ["x = 1"], "outputs": [], "metadata": {}}
    old = {"worksheets": [{"cells": [cell, cell]}], "metadata": {"name": ""}, "nbformat": 3, "nbformat_minor": 0}
    submission = read_submission(write(tmp_path, "a.ipynb", old))
    assert [cell.source for cell in submission.cells] == ["x = 1", "x = 1"]


def test_python_file_is_one_cell_with_its_name(tmp_path):
    submission = read_submission(write(tmp_path, "my net.py", b"\xef\xbb\xbf" + CODE.replace("\n", "\r\n").encode()))
    assert submission.cells == (Cell("my net.py", CODE),)


@pytest.mark.parametrize("name", ["a.ipynb.txt", "a.txt", "a.py"])
@pytest.mark.parametrize("source", [CODE, CODE.splitlines(keepends=True)])
def test_a_notebook_that_is_not_called_so(name, source, tmp_path):
    """Some browsers add `.txt` to what they download."""
    assert read_submission(write(tmp_path, name, notebook("x = 1", source))).cells[1] == Cell("cell 2", CODE)


@pytest.mark.parametrize("text", ['{"cells": 1}', '{"cells"', '{"cells": []}[CODE]\nclass BasicBlock: pass'])
def test_a_script_that_looks_like_a_notebook(text, tmp_path):
    assert read_submission(write(tmp_path, "a.py", text.encode())).cells == (Cell("a.py", text),)


def test_exported_zip(tmp_path):
    members = [
        ("resnet.ipynb", notebook(CODE)),
        (".OTTER_LOG", b"\x80\x04never unpickled"),
        ("__zip_filename__", "export.zip"),
        ("resnet.pdf", b"%PDF"),
        ("utils.py", "x = 1"),
    ]
    submission = read_submission(zipped(tmp_path, members, compression=zipfile.ZIP_DEFLATED))
    assert submission.name == "export.zip"
    assert submission.cells == (Cell("cell 1", CODE),)
    assert submission.file == "resnet.ipynb"


def test_zip_in_a_folder_with_clutter(tmp_path):
    members = [
        ("homework/", ""),
        ("homework/resnet.py", CODE),
        ("__MACOSX/homework/._resnet.py", b"\0\5"),
        ("homework/.ipynb_checkpoints/resnet-checkpoint.ipynb", notebook("old")),
    ]
    assert read_submission(zipped(tmp_path, members)).cells == (Cell("resnet.py", CODE),)


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.ipynb", b"", "empty (0 bytes)"),
        ("a.ipynb", "{", "not valid JSON (line 1)"),
        ("a.ipynb", "[" * 100_000, "nested too deeply"),
        ("a.ipynb", "[1]", "not a notebook"),
        ("a.ipynb", {"name": "x"}, "it has no cells"),
        ("a.ipynb", {"cells": [1]}, "list of cells is broken"),
        ("a.ipynb", notebook({"cell_type": "code", "source": 3}), "source of a code cell is not text"),
        ("a.ipynb", notebook({"cell_type": "markdown", "source": "class BasicBlock"}), "no code"),
        ("a.ipynb", notebook("", "  \n"), "no code"),
        ("a.ipynb", notebook("x <- 1", kernelspec={"name": "ir", "language": "R"}), "for R, not for Python"),
        ("a.ipynb", notebook("x", language_info={"name": "julia"}), "for julia"),
        ("a.py", "\n\n", "no code"),
        ("a.py", "é = 1".encode("latin-1"), "not a text file in UTF-8 (byte 0)"),
        ("a.py", "# coding: klingon\né = 1".encode("latin-1"), "not a text file in UTF-8 (byte 18)"),
        ("a.py", "# coding: rot13\né = 1".encode("latin-1"), "not a text file in UTF-8 (byte 16)"),
        ("a.py", b"\xff\xfex\x00\x00", "is no valid UTF-16"),
        ("a.py", "x = 1\n" * 200_000, "more than 200 kB of code"),
        ("a.docx", "text", "hand in a notebook"),
        ("resnet", "text", "hand in a notebook"),
        ("a.zip", b"PK\x03\x04 broken", "not a zip file that can be opened"),
        ("a.zip", b"plain text", "not a zip file that can be opened"),
    ],
)
def test_refused_in_one_line(tmp_path, name, content, words):
    assert words in refused(write(tmp_path, name, content))


@pytest.mark.parametrize("language", ["python", "Python", "python3", "ipython"])
def test_any_python_kernel(tmp_path, language):
    assert read_submission(write(tmp_path, "a.ipynb", notebook("x = 1", kernelspec={"language": language})))


def test_no_file_or_no_regular_file(tmp_path):
    assert "no such file" in refused(tmp_path / "gone.ipynb")
    (tmp_path / "folder.ipynb").mkdir()
    assert "holds no notebook and no .py file" in refused(tmp_path / "folder.ipynb")
    os.mkfifo(tmp_path / "pipe.py")
    assert "not a file" in refused(tmp_path / "pipe.py")
    assert fingerprint(tmp_path / "gone.ipynb") == fingerprint(tmp_path / "folder.ipynb") == ""


def test_link_to_somebody_elses_file(tmp_path):
    """A shipped link could name the solution, a hidden test, or another student's work."""
    write(tmp_path, "solution.py", CODE)
    (tmp_path / "resnet.py").symlink_to(tmp_path / "solution.py")
    (tmp_path / "gone.py").symlink_to(tmp_path / "nowhere.py")
    assert "is a link" in refused(tmp_path / "resnet.py")
    assert "is a link" in refused(tmp_path / "gone.py")


def test_too_large(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "LARGEST_FILE", 1000)
    assert "larger than" in refused(write(tmp_path, "a.py", "#" * 1001))


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ([("readme.txt", "x")], "no notebook"),
        ([("a.ipynb", notebook(CODE)), ("b/b.ipynb", notebook(OTHER))], "`a.ipynb` and `b/b.ipynb` define the same"),
        ([("a.py", CODE), ("b.py", OTHER)], "`a.py` and `b.py` define the same names"),
        ([("a.py", "x"), ("b.py", "y")], "`a.py` and `b.py` define none of the names"),
        ([("../a.py", CODE)], "`../a.py`, a path that leads out"),
        ([("a/..\\..\\a.py", CODE)], "a path that leads out"),
        ([("/etc/a.py", CODE)], "a path that leads out"),
        ([("C:/a.py", CODE)], "a path that leads out"),
        ([("a.py", "")], "`a.py`: the file is empty (0 bytes)"),
        ([("a.ipynb", "{")], "not valid JSON"),
    ],
)
def test_zip_refused_in_one_line(tmp_path, members, words):
    assert words in refused(zipped(tmp_path, members))


def test_zip_with_a_name_twice_in_two_writings(tmp_path):
    path = zipped(tmp_path, [("x/a.py", "x = 1"), ("x\\a.py", "x = 2")])
    assert "`x/a.py` twice" in refused(path)


def test_a_name_that_is_not_utf8_can_be_written(tmp_path):
    folder = tmp_path / "upload"
    folder.mkdir()
    (folder / os.fsdecode(b"\xdcbung.py")).write_text("class BasicBlock:\n    pass\n")
    (folder / "other.py").write_text("x = 1\n")
    assert read_submission(folder).file.encode() == b"?bung.py"


def test_zip_with_a_name_twice(tmp_path):
    with pytest.warns(UserWarning, match="Duplicate"):
        path = zipped(tmp_path, [("a.py", CODE), ("a.py", CODE)])
    assert "`a.py` twice" in refused(path)


def test_zip_with_a_link(tmp_path):
    link = zipfile.ZipInfo("a.py")
    link.external_attr = 0o120777 << 16
    assert "a link" in refused(zipped(tmp_path, [(link, "/etc/passwd")]))


def test_zip_that_is_encrypted(tmp_path):
    path = zipped(tmp_path, [("a.py", CODE)])
    data = bytearray(path.read_bytes())
    data[6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    assert "encrypted" in refused(path)


def test_zip_compressed_in_an_unusual_way(tmp_path):
    assert "ordinary zip" in refused(zipped(tmp_path, [("a.py", CODE)], compression=zipfile.ZIP_LZMA))


def test_zip_with_too_many_members(tmp_path):
    assert "more than 1000 files" in refused(zipped(tmp_path, [(f"{i}.txt", "") for i in range(1001)]))


def test_zip_bomb_that_says_so(tmp_path):
    bomb = [("a.py", b"#" * (reading.LARGEST_FILE + 1))]
    assert "larger than 50 MB" in refused(zipped(tmp_path, bomb, compression=zipfile.ZIP_DEFLATED))


def test_zip_bomb_that_lies(tmp_path, monkeypatch):
    """The directory declares ten bytes; no more than those are unpacked, and the checksum gives the lie away."""
    path = zipped(tmp_path, [("a.py", b"#" * 1_000_000)], compression=zipfile.ZIP_DEFLATED)
    data = bytearray(path.read_bytes())
    size = data.index(b"PK\x01\x02") + 24
    data[size : size + 4] = (10).to_bytes(4, "little")
    path.write_bytes(data)
    assert "not a zip file that can be opened" in refused(path)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_damaged_files_are_read_or_refused(tmp_path_factory, data):
    """A flipped byte or a lost end never gets past `UnreadableSubmission`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.ipynb", json.dumps(notebook(CODE)))
    name, whole = data.draw(
        st.sampled_from([("a.zip", buffer.getvalue()), ("a.ipynb", json.dumps(notebook(CODE)).encode())])
    )
    damaged = bytearray(whole)
    damaged[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    path = write(tmp_path_factory.getbasetemp(), name, bytes(damaged[: data.draw(st.integers(1, len(whole)))]))
    with contextlib.suppress(UnreadableSubmission):
        assert read_submission(path).cells


def test_file_name_cannot_break_the_line(tmp_path):
    with pytest.raises(UnreadableSubmission) as caught:
        read_submission(tmp_path / ("a\n\x1b[31m" + "b" * 150 + ".ipynb"))
    assert str(caught.value).isprintable()


def test_half_a_surrogate_pair(tmp_path):
    path = write(tmp_path, "a.ipynb", b'{"cells": [{"cell_type": "code", "source": "x = \'\\ud83d\'"}]}')
    assert read_submission(path).cells[0].source == "x = '?'"


# --- magics ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "plain"),
    [
        ("%matplotlib inline\nx = 1", "pass\nx = 1"),
        ("!pip install x\nx = 1", "pass\nx = 1"),
        ("%%time\nx = 1", "\nx = 1"),
        ("\n%%capture out\n%%time\nx = 1", "\n\n\nx = 1"),
        ("%%timeit -n 3\n%cd ..\nx = 1", "\npass\nx = 1"),
        ("%%bash\nls\n", "\n\n"),
        ("%%writefile net.py\nclass BasicBlock: pass", "\n"),
        ("files = !ls *.py\na, b = %who", "files = []\na, b = None"),
        ("for i in x:\n    !echo {i}\n    %time f(i)", "for i in x:\n    pass\n    f(i)"),
        ("?help\nprint?\nnn.Conv2d??\nx = 1", "pass\npass\npass\nx = 1"),
        ("!ls \\\n  -l\nx = 1", "pass\n\nx = 1"),
        ("!echo 'unbalanced (\nx = 1", "pass\nx = 1"),
        ("x = (1\n%2)", "x = (1\n%2)"),
        ("x = 1 \\\n%2", "x = 1 \\\n%2"),
        ("s = '''\n!ls\n%cd\n'''\n!ls", "s = '''\n!ls\n%cd\n'''\npass"),
        ("s = 'it''s (' # don't (\n!ls", "s = 'it''s (' # don't (\npass"),
        ("s = 'a'''\n!ls", "s = 'a'''\npass"),
        ('s = "\\"("\n!ls', 's = "\\"("\npass'),
        ("x != y", "x != y"),
        ("\n    x = 1\n    if x:\n        y = 2\n  # z", "\nx = 1\nif x:\n    y = 2\n  # z"),
        ("\t!ls\n\tx = 1", "pass\nx = 1"),
        (">>> def f():\n...     return 1\n...\n>>> f()", "def f():\n    return 1\n\nf()"),
        (
            "\nIn [5]: def f():\n   ...:     return [\n   ...:\n   ...: 1]\nIn [12]: f()",
            "\ndef f():\n    return [\n\n1]\nf()",
        ),
        ("x = '''\nIn [5]: y'''", "x = '''\nIn [5]: y'''"),
        (
            "%%add_to BasicBlock\ndef f(self):\n    def g(): pass\nasync def h(self): pass",
            "\ndef f(self):\n    def g(): pass\nasync def h(self): pass\nBasicBlock.f = f\nBasicBlock.h = h",
        ),
        ("pip install -q torchinfo", ""),
        ("ls\n", "\n"),
        ("ls = 3", "ls = 3"),
        ("cd(3)", "cd(3)"),
        ("get_ipython().system('ls')", "get_ipython().system('ls')"),
    ],
)
def test_neutralise(cell, plain):
    assert neutralise(cell) == plain


@given(st.text(alphabet="%!?ax=('\"\\#\n ", max_size=40))
def test_neutralise_keeps_the_number_of_lines(source):
    assert neutralise(source).count("\n") == source.count("\n")


@pytest.mark.parametrize("module", [keyword, textwrap, zipfile, json.decoder, reading])
def test_neutralise_leaves_python_alone(module):
    source = Path(module.__file__).read_text()
    assert neutralise(source) == source


# --- slice -------------------------------------------------------------------------------------------------------

NEEDS = {
    "import far away": ("import math as m", "x = 1", "class BasicBlock:\n    value = m.pi"),
    "dotted import": ("import os.path", "class BasicBlock:\n    value = os.path.sep"),
    "star import": ("from math import *", "class BasicBlock:\n    value = pi"),
    "import in try": (
        "try:\n    import nothing_like_it as m\nexcept ImportError:\n    import math as m",
        "BasicBlock = m.pi",
    ),
    "helper used in a body": ("def helper(): return LIMIT", "LIMIT = 3", "class BasicBlock:\n    value = helper()"),
    "global of a method": (
        "class BasicBlock:\n    def f(self): return WIDTH",
        "WIDTH = 1",
        "assert BasicBlock().f() == 1",
    ),
    "base class": ("class Base: pass", "class BasicBlock(Base): pass"),
    "decorator": ("def mark(c):\n    c.marked = True\n    return c", "@mark\nclass BasicBlock: pass"),
    "default argument": ("N = 3", "class BasicBlock:\n    def f(self, n=N): return n"),
    "annotation": ("Width = int", "class BasicBlock:\n    def f(self, n: Width) -> Width: return n"),
    "metaclass": ("class Meta(type): pass", "class BasicBlock(metaclass=Meta): pass"),
    "class body reads a global of the same name": ("width = 3", "class BasicBlock:\n    width = width"),
    "lambda": ("N = 1", "BasicBlock = lambda: N"),
    "comprehension": ("WIDTHS = [1, 2]", "BasicBlock = [w for w in WIDTHS]"),
    "walrus": ("if (N := 3) > 2: pass", "BasicBlock = N"),
    "walrus in a comprehension": ("[last := i for i in range(3)]", "BasicBlock = last"),
    "tuple assignment": ("A, (B, *C) = 1, (2, 3)", "BasicBlock = A + B + C[0]"),
    "for target": ("for i in range(3): pass", "BasicBlock = i"),
    "with target": ("import io\nwith io.StringIO('3') as f: N = f.read()", "BasicBlock = N"),
    "if and else": ("if 1 > 2:\n    N = 1\nelse:\n    N = 2", "BasicBlock = N"),
    "match": ("match (1, 2):\n    case (a, b): pass", "BasicBlock = a + b"),
    "augmented assignment": ("N = 1", "N += 1", "BasicBlock = N"),
    "annotated assignment": ("N: int = 1", "BasicBlock = N"),
    "global in a function": ("N = 1", "def bump():\n    global N\n    N += 1", "bump()", "BasicBlock = [1][N - 2]"),
    "global first set by a call": ("def start():\n    global N\n    N = 1", "start()", "BasicBlock = N"),
    "dict item": ("CFG = {}", "CFG['n'] = 1", "BasicBlock = CFG['n']"),
    "dict update": ("CFG = {}", "CFG.update(n=1)", "BasicBlock = CFG['n']"),
    "list append in a loop": ("L = []", "for i in range(3): L.append(i)", "BasicBlock = L[2]"),
    "list append as a function": ("L = []", "list(map(L.append, range(3)))", "BasicBlock = L[2]"),
    "list filled by a function of a library": (
        "import bisect, operator",
        "L = [1, 3]\nD = {}",
        "bisect.insort(L, 2)\noperator.setitem(D, 'n', 1)\ndict.update(D, m=2)",
        "BasicBlock = [1][L[2] - 3] + D['n'] + D['m']",
    ),
    "attribute of a class of a library": (
        "import fractions, numbers",
        "numbers.Number.twice = lambda self: self + self",
        "BasicBlock = fractions.Fraction(1, 2).twice()",
    ),
    "attribute set by a function": (
        "from fractions import Fraction\ndef install():\n    Fraction.twice = lambda self: self + self",
        "install()",
        "BasicBlock = Fraction(1, 2).twice()",
    ),
    "function that a decorator makes a method": (
        "import fractions\ndef method_of(c):\n    return lambda f: setattr(c, f.__name__, f)",
        "@method_of(fractions.Fraction)\ndef twice(self): return self + self",
        "BasicBlock = fractions.Fraction(1, 2).twice()",
    ),
    "operator of a class of a library": (
        "import fractions",
        "setattr(fractions.Fraction, '__rshift__', lambda a, b: (a, b))",
        "BasicBlock = fractions.Fraction(1, 2) >> 3",
    ),
    "class with a decorator that tries it": (
        "def tried(c):\n    c().backward()\n    return c",
        "@tried\nclass Inner:\n    def backward(self): return 1",
        "class BasicBlock(Inner): pass",
    ),
    "its own module": (
        "import sys",
        "N = 1",
        "this = sys.modules[__name__]",
        "assert not hasattr(this, 'nothing')\nBasicBlock = [this.N, N, __file__]",
    ),
    "container filled by a function": ("R = {}", "def add(k):\n    R[k] = 1", "add('a')", "BasicBlock = R['a']"),
    "container filled by a decorator": (
        "R = {}\ndef register(c):\n    R[c.__name__] = c\n    return c",
        "@register\nclass Inner: pass",
        "BasicBlock = R['Inner']",
    ),
    "parser of options": (
        "import argparse",
        "parser = argparse.ArgumentParser()",
        "parser.add_argument('--width', default=8)",
        "args = parser.parse_args([])",
        "BasicBlock = args.width",
    ),
    "postponed annotations": ("from __future__ import annotations", "class BasicBlock:\n    x: Nowhere"),
    "name mangling": ("_BasicBlock__n = 1", "class BasicBlock:\n    def f(self): return __n"),
    "dataclass": (
        "from __future__ import annotations\nfrom dataclasses import dataclass",
        "@dataclass\nclass Config:\n    width: int = 8",
        "BasicBlock = Config().width",
    ),
    "change of an imported module": (
        "%%writefile widths.py\nN = 0",
        "import widths",
        "widths.N = 1",
        "class BasicBlock:\n    value = widths.N\n    assert value == 1",
    ),
    "global bound by a function that another one calls": (
        "def inner():\n    global BasicBlock\n    class BasicBlock: pass",
        "def outer(): inner()",
        "outer()",
    ),
    "names set through globals()": ("for n in ('BasicBlock', 'Other'):\n    globals()[n] = type(n, (), {})",),
    "names given to globals().update": ("globals().update(BasicBlock=type('B', (), {}))",),
    "name in eval": ("def helper(): return 1", "BasicBlock = [eval('helper')()]"),
    "object of an own class that is filled": (
        "class Config:\n    def load(self): self.n = 1",
        "config = Config()",
        "config.load()",
        "BasicBlock = config.n",
    ),
    "object that notes what it decorates": (
        "class Registry:\n    def __init__(self): self.d = {}\n"
        "    def entry(self, f):\n        self.d[f.__name__] = f\n        return f",
        "registry = Registry()",
        "@registry.entry\ndef helper(): return 1",
        "BasicBlock = registry.d['helper']()",
    ),
    "generic function": (
        "from functools import singledispatch\n@singledispatch\ndef size(x): return 1 / 0",
        "@size.register\ndef _(x: int): return 1",
        "BasicBlock = size(3)",
    ),
    "base class that notes its subclasses": (
        "R = {}\nclass Base:\n    def __init_subclass__(cls): R[cls.__name__] = cls",
        "class Inner(Base): value = 1",
        "BasicBlock = R['Inner']",
    ),
    "metaclass that notes its classes": (
        "R = {}\nclass Meta(type):\n    def __init__(cls, *args): R[cls.__name__] = cls",
        "class Inner(metaclass=Meta):\n    def __init__(self): pass",
        "BasicBlock = R['Inner']",
    ),
    "annotation as a text": (
        "import typing",
        "from collections import OrderedDict as D",
        "def f(x: 'D', *, y: typing.Optional['D'] = None) -> 'typing.Optional[D]': return x",
        "BasicBlock = len(typing.get_type_hints(f))",
    ),
    "what Jupyter gives": (
        "IN_COLAB = 'google.colab' in str(get_ipython())\ndisplay(IN_COLAB)",
        "BasicBlock = IN_COLAB",
    ),
    "several statements in a line, not only ASCII": ("é = 'ü'; N = 1; M = 2", "BasicBlock = (N, M)"),
}


@pytest.mark.parametrize("cells", NEEDS.values(), ids=NEEDS)
def test_keeps_what_is_needed(cells):
    assert "BasicBlock" in run(*cells)


@pytest.mark.parametrize(
    "patch",
    [
        "def f(self): return 1\nBasicBlock.f = f",
        "setattr(BasicBlock, 'f', lambda self: 1)",
        "def install(cls):\n    cls.f = lambda self: 1\ninstall(BasicBlock)",
        "def install(name, *, cls):\n    cls.f = lambda self: 1\ninstall('f', cls=BasicBlock)",
        "def add_to(c):\n    return lambda g: setattr(c, g.__name__, g)\n@add_to(BasicBlock)\ndef f(self): return 1",
        "for g in [lambda self: 1]:\n    BasicBlock.f = g",
        "for c in (BasicBlock, Other):\n    c.f = lambda self: 1",
        "[setattr(c, 'f', lambda self: 1) for c in (BasicBlock, Other)]",
        "B = BasicBlock\nB.f = lambda self: 1",
        "blocks = [BasicBlock, Other]\nfor b in blocks: b.f = lambda self: 1",
        "blocks = {'basic': BasicBlock}\nblocks['basic'].f = lambda self: 1",
        "def install():\n    BasicBlock.f = lambda self: 1\ninstall()",
        "def install(*classes):\n    for c in classes: c.f = lambda self: 1\ninstall(Other, BasicBlock)",
        "def install(c):\n    c.f = lambda self: 1\nfor b in [BasicBlock]: install(b)",
        "def install(c):\n    c.f = lambda self: 1\nlist(map(install, [BasicBlock]))",
        "install = lambda c: setattr(c, 'f', lambda self: 1)\ninstall(BasicBlock)",
        "def install(g):\n    BasicBlock.f = g\n    return g\n@install\ndef f(self): return 1",
        "from contextlib import nullcontext\nwith nullcontext(BasicBlock) as b:\n    b.f = lambda self: 1",
        "(B := BasicBlock).f = lambda self: 1",
        "def patch(f): setattr(f.__annotations__['self'], f.__name__, f)\n@patch\ndef f(self: BasicBlock): return 1",
        "class BasicBlock(BasicBlock):\n    def f(self): return 1",
        "_Old = BasicBlock\nclass BasicBlock(_Old):\n    def f(self): return 1",
    ],
)
def test_keeps_patches(patch):
    namespace = run("class BasicBlock:\n    def f(self): return 0", "class Other: pass", patch)
    assert namespace["BasicBlock"]().f() == 1


def test_keeps_every_definition_in_order():
    namespace = run("class BasicBlock: value = 1", "class BasicBlock:\n    value = 2", "print(BasicBlock.value)")
    assert namespace["BasicBlock"].value == 2


CLASSES = (
    "import sys, math as m\nfrom torch.nn import functional as F\ndef helper(): return 1",
    "class BasicBlock:\n    def f(self): return (F.relu, m.pi, helper())\n    def g(self): return 0",
    *(f"def {name}(): return BasicBlock()" for name in ("Bottleneck", "ResNet", "ResNet18")),
)
LATER = {
    "a module of another library": "import math as F",
    "a number, after a module of torch": "F = 3",
    "a loop": "for F in range(3): pass",
    "what is made with a required class": "net = ResNet18()\nhelper = net.g()",
    "a patch of a helper": "globals()['helper'] = 3",
    "a patch of a class for an experiment": "for f in [len]:\n    BasicBlock.f = f",
    "names of a library": "from math import *\nhelper = 3",
}
REPAIRED = {
    "a helper that is repaired": "def helper(): return 2",
    "a helper that is replaced": "helper = lambda: 2",
}
WIDTHS = (
    "import sys, types, operator, builtins, torch\nfrom collections import deque",
    "class Config: pass\ncfg = Config()\nWIDTHS = []\ntable = {'widths': WIDTHS}\nnames = deque()",
    "def fill(values):\n    for value in values:\n        WIDTHS.__iadd__([value])",
)
UNSEEN = {
    "a name that is computed": "key = 'N'\nglobals()[key + 'UMBER'] = 7",
    "the names of the module": "sys.modules[__name__].NUMBER = 7",
    "the same, under another name": "this = sys.modules[__name__]\nthis.NUMBER = 7",
    "a name for all modules": "builtins.NUMBER = 7",
    "attributes as a dictionary": "vars(cfg).update(number=7)\nNUMBER = cfg.number",
    "a dictionary by another name": "own = vars(cfg)\nown['number'] = 7\nNUMBER = cfg.number",
    "a special method": "object.__setattr__(cfg, 'number', 7)\nNUMBER = cfg.number",
    "an element by another name": "mine = table.get('widths')\nmine += [7]\nNUMBER = WIDTHS[0]",
    "a function of the submission": "fill([7])\nNUMBER = WIDTHS[0]",
    "a function of a library": "operator.iadd(WIDTHS, [7])\nNUMBER = WIDTHS[0]",
    "a tensor in place": "number = torch.ones(())\nnumber.mul_(7)\nNUMBER = int(number)",
    "an iterator that is advanced": "numbers = iter([3, 7])\nnext(numbers)\nNUMBER = next(numbers)",
    "a class that fills itself": (
        "class Table:\n    rows = None\n    @staticmethod\n    def load(n): Table.rows = n\n"
        "Table.load(7)\nNUMBER = Table.rows"
    ),
    "a closure": (
        "def make():\n    seen = []\n    return (lambda n: seen.append(n)), (lambda: seen[0])\n"
        "put, get = make()\nput(7)\nNUMBER = get()"
    ),
    "code as a text": "exec('NUMBER = %d' % 7)",
    "a method that trains has the name of a dictionary's": (
        "class Model:\n    def update(self): loss.backward()\n"
        "def settings(**given):\n    found = {}\n    found.update(given)\n    return found\n"
        "print(settings)\nNUMBER = settings(number=7)['number']\nprint(NUMBER)"
    ),
    "a function that trains makes it": ("def make(n):\n    def fit(): loss.backward()\n    return n\nNUMBER = make(7)"),
    "a name that is read by a text": (
        "number_of_stage = 7\ndef read(): return globals()['number_of_' + 'stage']\nNUMBER = read()\nprint(NUMBER)"
    ),
}
USER = (
    "class BasicBlock:\n    def f(self): return NUMBER",
    *(f"def {name}(): return BasicBlock()" for name in ("Bottleneck", "ResNet", "ResNet18")),
)


def run_earlier(*sources: str) -> dict:
    """Execute the second slice of cells, which must raise nothing; returns the namespace."""
    second = all_slices(submit(*sources))[1]
    namespace = {}
    assert execute(second, namespace) == []
    return namespace


@pytest.mark.parametrize("later", LATER.values(), ids=LATER)
def test_the_second_slice_ends_with_the_last_class(later):
    relu, pi, one = run_earlier(*CLASSES, later)["BasicBlock"]().f()
    assert (relu.__name__, pi > 3, one) == ("relu", True, 1)


@pytest.mark.parametrize("later", REPAIRED.values(), ids=REPAIRED)
def test_the_first_slice_has_helpers_as_later_cells_repair_them(later):
    assert run(*CLASSES, later)["BasicBlock"]().f()[2] == 2


@pytest.mark.parametrize("change", UNSEEN.values(), ids=UNSEEN)
def test_the_second_slice_has_what_may_change_a_needed_name(change):
    namespace = run_earlier(*WIDTHS, change, *USER)
    try:
        assert namespace["BasicBlock"]().f() == 7
    finally:
        vars(builtins).pop("NUMBER", None)


def test_the_second_slice_trains_nothing():
    training = "for epoch in range(NUMBER):\n    loss.backward()"
    second = all_slices(submit("NUMBER = 7\nprint(NUMBER)", training, *USER))[1]
    assert "print(NUMBER)" in "\n".join(ast.unparse(node) for _, node in second.nodes)
    assert "backward" not in "\n".join(ast.unparse(node) for _, node in second.nodes)


def test_the_second_slice_ends_before_an_import_of_the_same_name():
    """As of torchvision's network, to compare the two."""
    cells = ("NUMBER = 1", *USER, "from string import Template as ResNet")
    assert run(*cells, required=REQUIRED)["ResNet"].__name__ == "Template"
    assert run_earlier(*cells)["ResNet"].__name__ == "ResNet"


INSTANCES = {
    "network": "ResNet = ResNet()",
    "block with arguments": "BasicBlock = BasicBlock(64, 64)",
    "moved": "device = 'cpu'\nResNet18 = ResNet18().to(device)",
    "two names": "net = ResNet = ResNet()",
    "wrapped": "ResNet = list(map(str, [ResNet()]))",
    "pair": "ResNet, n = ResNet(), 1",
    "annotated": "ResNet: object = ResNet()",
    "under if": "if True:\n    ResNet = ResNet()",
    "walrus": "print(ResNet := ResNet())",
    "in a loop": "for _ in range(1):\n    ResNet = ResNet()",
    "by a loop": "for BasicBlock in [BasicBlock()]:\n    print(BasicBlock)",
    "in a list": "BasicBlock = [BasicBlock(), BasicBlock()]",
}


@pytest.mark.parametrize("later", INSTANCES.values(), ids=INSTANCES)
def test_in_the_second_slice_no_class_gives_its_name_to_its_instance(later):
    for cells in (["NUMBER = 1", *USER, later], ["NUMBER = 1", *USER[:-1], later, USER[-1]]):
        namespace = run_earlier(*cells)
        assert [namespace[name].__name__ for name in REQUIRED] == [*REQUIRED]


@pytest.mark.parametrize("later", ["ResNet = wrap(ResNet)", "ResNet = wrap(of=ResNet, n=len('ab'))"])
def test_a_class_that_is_made_of_itself_is_a_definition(later):
    wrap = "def wrap(of, n=2):\n    return type('Wrapped', (), {'n': n})"
    for slice_ in all_slices(submit("NUMBER = 1", *USER, wrap, later)):
        namespace = {}
        assert execute(slice_, namespace) == []
        assert namespace["ResNet"].n == 2


def test_there_is_no_second_slice_where_it_is_the_same():
    assert len(all_slices(submit("NUMBER = 7", *USER, "print(BasicBlock().f())"))) == 1


EXPENSIVE = {
    "training loop": "for epoch in range(200):\n    loss.backward()\n    i = 0",
    "endless loop": "while True:\n    pass",
    "call of a helper": "helper()",
    "print": "print(helper())",
    "assertion": "assert helper()",
    "object that nobody needs": "net = BasicBlock()",
    "setting of a module in a loop": "for m.tau in range(3): pass",
    "method of a required class": "BasicBlock.register(int)",
    "training that notes something in a required class": "for e in [1]:\n    BasicBlock.e = e\n    loss.backward()",
    "training that fills a needed container": "for e in range(9):\n    CFG['lr'] = e\n    loss.backward()",
    "function that trains": "def train():\n    CFG['lr'] = 1\n    loss.backward()\ntrain()",
    "function that calls it": "def train():\n    loss.backward()\ndef main():\n    CFG['lr'] = 1\n    train()\nmain()",
    "result of training under a needed name": "def train():\n    loss.backward()\nhelper = train()",
    "deleting a needed name": "del helper",
    "main guard": "if __name__ == '__main__':\n    helper = 1 / 0",
    "method that nobody calls": "import numbers\nnumbers.Number.later = lambda self: 1 / 0",
    "method called like a helper": "class T:\n    def helper(self):\n        CFG[0] = 1\nhelper()",
    "input": "input('more?')",
    "exit": "exit()",
    "exception": "raise SystemExit",
    "undefined": "undefined_name",
    "top-level await": "await forever()",
}


@pytest.mark.parametrize("cell", EXPENSIVE.values(), ids=EXPENSIVE)
def test_leaves_out_what_only_runs(cell):
    needed = (
        "import math as m",
        "CFG = {}\ndef helper(): return m.pi, CFG",
        "class BasicBlock:\n    def f(self): return helper()\n    def g(self):\n        for i in [1]: pass",
    )
    assert kept(*needed, cell) == kept(*needed)
    assert kept(cell, *needed) == kept(*needed)
    run(*needed, cell)


def test_local_names_are_not_global_ones():
    block = "class BasicBlock:\n    def f(self, net):\n        out = net\n        return [i for i in out]"
    assert "net" not in kept(block, "net = 1 / 0\nout = 2\ni = 3").replace(kept(block), "")


def test_magic_above_a_class_keeps_the_class():
    assert "BasicBlock" in run(
        "%%time\n%matplotlib inline\nimport math\n!ls", "%%capture\nclass BasicBlock:\n    x = math.pi"
    )


def test_a_magic_that_is_not_known_keeps_a_class_that_is_nowhere_else():
    namespace = run("%%viztracer --x 3\nclass BasicBlock:\n    value = 1\n!ls")
    assert namespace["BasicBlock"].value == 1
    namespace = run("class BasicBlock:\n    value = 1", "%%no_longer\nclass BasicBlock:\n    value = 2")
    assert namespace["BasicBlock"].value == 1


@pytest.mark.parametrize("magic", ["%%writefile x.py", "%%script true", "%%python", "%%skip"])
def test_a_magic_that_keeps_a_class_from_being_run(magic):
    slice_ = slice_submission(submit(f"{magic}\nclass BasicBlock: pass"), ("BasicBlock",))
    assert slice_.missing == ("BasicBlock",)
    assert magic in slice_.problems[0]


def test_methods_that_a_magic_adds():
    methods = ("%%add_to BasicBlock\ndef f(self): return 1", "%%add_to BasicBlock\n\ndef g(self): 1 / 0")
    block = run("class BasicBlock: pass", *methods)["BasicBlock"]()
    assert block.f() == 1
    with pytest.raises(ZeroDivisionError) as caught:
        block.g()
    assert student_lines(caught.value).startswith("cell 3, line 3, in g")


def test_line_numbers_are_the_students():
    namespace = run("\n\n%%time\n!ls\n\nclass BasicBlock:\n    def f(self):\n        return 1 / 0\n")
    with pytest.raises(ZeroDivisionError) as caught:
        namespace["BasicBlock"]().f()
    assert student_lines(caught.value) == "cell 1, line 8, in f\n    return 1 / 0"


def test_syntax_error_spoils_its_own_cell_only():
    slice_ = slice_submission(
        submit("class BasicBlock: pass", "# net\nclass ResNet:\n    conv = Conv2d(\n", "x = 1"),
        ("BasicBlock", "ResNet"),
    )
    assert slice_.missing == ("ResNet",)
    first, second = slice_.problems
    assert first.startswith("cell 2, line 3: '(' was never closed: `conv = Conv2d(`")
    assert "`# net`" in first
    assert second == "`ResNet`: its definition is in cell 2, which has a syntax error."
    namespace = {}
    assert execute(slice_, namespace) == []
    assert "BasicBlock" in namespace


F_STRINGS = {
    """f"{d["a"]}\"""": "1.5",
    """f'{d['a']}' "{" f'{n:{'>'}3}'""": "1.5{  3",
    """f"{f"{f"{n}"}"} it's\"""": "3 it's",
    """rf"\\{d["b"]!r:>5}"  # it's""": "\\  'x'",
    """f"{{{d["b"]}}} \\N{DIGIT ONE} \\" {"}"}\"""": '{x} 1 " }',
    """f"{'\\n'.join(["x", b"\\x79".decode()])}\"""": "x\ny",
    """f'{  # why\n  d["b"]\n}'""": "x",
    """f"{(lambda x: d["b"])(1)}{n:=+3}\"""": "x+ 3",
}
"""Expressions that Python 3.12 accepts, and their values."""


@pytest.mark.parametrize(("code", "value"), F_STRINGS.items())
def test_f_strings_of_a_newer_python(code, value):
    cell = f"d = {{'a': 1.5, 'b': 'x'}}\nn = 3\nvalue = {code}\nclass BasicBlock:\n    value, line = value, 1 / 0"
    slice_ = slice_submission(submit(cell), ("BasicBlock",))
    assert slice_.problems == ()
    namespace = {}
    [problem] = execute(slice_, namespace)
    assert f"line {len(cell.splitlines())}" in problem
    assert namespace["value"] == value
    assert eval(rewrite_f_strings(code), {"d": {"a": 1.5, "b": "x"}, "n": 3}) == value


def test_other_f_strings_are_left_as_they_are():
    root = Path(__file__).parents[2]
    for path in (*(root / "autograder").rglob("*.py"), *(root / "tests").rglob("*.py")):
        source = path.read_text()
        assert rewrite_f_strings(source) == source, path
    for strange in ("x = f'{d['", 'f"{' * 10_000 + "1" + '}"' * 10_000):
        assert rewrite_f_strings(strange) == strange


@pytest.mark.parametrize(
    ("line", "since", "words"),
    [
        ("    except ValueError, nn.Error:", "3.14", "except (A, B):"),
        ("except* A, B: pass", "3.14", "except (A, B):"),
        ("text = t'{x}'", "3.14", 't"..."'),
        ("class Stack[T]:", "3.12", "until this is repaired."),
        ("type Sizes = list[int]", "3.12", "until this is repaired."),
    ],
)
def test_syntax_of_a_newer_python_is_called_so(line, since, words):
    said = needs_newer_python(line, (3, 11))
    assert said.startswith(f"This is Python {since} or later, and this grader runs Python 3.11")
    assert words in said
    assert needs_newer_python(line, (3, 15)) == ""


@pytest.mark.parametrize("line", ["except (A, B):", "except A as e:", "print('t')", 'at"x"', "x = f(a, b"])
def test_other_syntax_errors_are_not_put_down_to_a_newer_python(line):
    assert needs_newer_python(line, (3, 11)) == ""


@pytest.mark.skipif(sys.version_info >= (3, 14), reason="it is no error")
def test_a_cell_for_a_newer_python_is_said_to_be_one():
    cell = "try:\n    class BasicBlock: pass\nexcept ValueError, TypeError:\n    pass"
    [problem, _] = slice_submission(submit(cell), ("BasicBlock",)).problems
    assert problem.startswith("cell 1, line 3")
    assert "This is Python 3.14 or later" in problem


@pytest.mark.parametrize(
    "broken", ["return 1", "x = 'open", "class BasicBlock:\nx = 1", "break", "f(" * 300, "-" * 20_000 + "1", "\0"]
)
def test_broken_cells_are_one_line(broken):
    slice_ = slice_submission(submit("ok = 1", broken))
    assert slice_.missing == REQUIRED
    assert slice_.problems[0].startswith("cell 2")
    assert slice_.problems[0].isprintable()


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("def Resnet18(): pass", "cell 1 defines `Resnet18`; the name must be exactly `ResNet18`"),
        ("def res_net18(): pass", "`res_net18`"),
        ("%%writefile net.py\ndef ResNet18(): pass", "`%%writefile net.py` keeps"),
        ("if __name__ == '__main__':\n    def ResNet18(): pass", "indented under something else"),
        ("code = '''\ndef ResNet18(): pass\n'''\nopen('net.py', 'w').write(code)", "part of a text"),
        ("get_ipython().run_cell_magic('time', '', 'def ResNet18(): pass\\n')", "such as %%time hides its definition"),
    ],
)
def test_missing_name_is_explained(cell, words):
    slice_ = slice_submission(submit(cell), ("ResNet18",))
    assert slice_.missing == ("ResNet18",)
    assert words in slice_.problems[0]


WRITTEN = "%%writefile nets/blocks.py\nimport math\nclass BasicBlock:\n    value = math.floor(1.5)\nnet = BasicBlock()"


@pytest.mark.parametrize(
    "cells",
    [
        (WRITTEN, "from nets.blocks import BasicBlock"),
        (WRITTEN, "from nets.blocks import *"),
        (WRITTEN, "%run nets/blocks.py"),
        (WRITTEN, "import nets.blocks", "BasicBlock = nets.blocks.BasicBlock"),
        (WRITTEN, "from nets import blocks as b", "class BasicBlock(b.BasicBlock): pass"),
        (
            WRITTEN.replace("value", "old"),
            "%%file -a nets/blocks.py\nBasicBlock.value = 1",
            "from nets.blocks import *",
        ),
        (WRITTEN, "%%writefile ./more.py\nfrom nets.blocks import BasicBlock as B", "from more import B as BasicBlock"),
        (WRITTEN, "%%writefile nets/__init__.py\nfrom nets.blocks import BasicBlock", "from nets import BasicBlock"),
        ("%%writefile nets/__init__.py\nfrom .blocks import BasicBlock", WRITTEN, "from nets import BasicBlock"),
        (
            "%%writefile nets/more.py\nfrom .blocks import BasicBlock as B\nfrom . import blocks",
            WRITTEN,
            "from nets.more import B as BasicBlock",
        ),
        (
            "%%writefile nets/inner/deep.py\nfrom ..blocks import BasicBlock as B",
            WRITTEN,
            "from nets.inner.deep import B as BasicBlock",
        ),
    ],
)
def test_module_that_the_notebook_writes(cells):
    assert run(*cells)["BasicBlock"].value == 1


def test_a_missing_library_may_be_needed_by_annotations_alone():
    library = "from a_library_that_is_not_here import Float"
    block = "class BasicBlock:\n    def f(self, x: Float['b c']) -> 'Float': return x"
    errors, namespace = errors_of(library, block, "BasicBlock.g = lambda self, x: Float")
    assert len(errors) == 1
    assert namespace["BasicBlock"]().f(3) == 3
    errors, namespace = errors_of(library, block.replace("return x", "return x\n    g = Float"))
    assert "BasicBlock" not in namespace


def test_written_module_that_nobody_imports_does_not_run():
    namespace = run("%%writefile train.py\nclass BasicBlock:\n    value = 1 / 0\n(", "class BasicBlock: value = 1")
    assert namespace["BasicBlock"].value == 1


def test_written_module_cannot_take_the_place_of_another():
    namespace = run(
        "%%writefile json.py\ndef loads(text): return 'theirs'", "import json\nBasicBlock = json.loads('1')"
    )
    assert namespace["BasicBlock"] == 1
    assert json.loads("1") == 1


def test_error_in_a_written_module_names_its_cell():
    errors, _ = errors_of("%%writefile lib.py\n\nX = 1 / 0", "from lib import *", "BasicBlock = 1")
    assert errors == ["cell 1, line 3\n    X = 1 / 0\nZeroDivisionError: division by zero"]


def test_json_round_trip():
    slice_ = slice_submission(
        submit("%%writefile a.py\nx = 1", "from a import x", "class BasicBlock: y = x", "def f(:", "x = 1; ResNet = 2")
    )
    assert {cell.module for cell in slice_.cells} == {"", "a"}
    assert Slice.from_json(json.loads(json.dumps(slice_.to_json()))) == slice_


def test_many_statements_take_linear_time():
    chain = "".join(f"a{i} = a{i + 1}\n" for i in range(5000))
    slice_ = slice_submission(submit(chain + "a5000 = 1", "BasicBlock = a0"), ("BasicBlock",))
    assert len(slice_.cells[0].keep) == 5001


HOSTILE = {
    "aliases": "".join(f"a{i} = a{i + 1}\n" for i in range(3000)) + "a0.x = 1\n" * 3000,
    "functions": "".join(f"def a{i}():\n    global b{i}\n    a{i + 1}()\n" for i in range(3000)) + "a0()\n" * 3000,
    "methods": "".join(f"class C{i}:\n    def f(self): x{i}()\n" for i in range(3000)) + "c.f()\n" * 3000,
    "star imports": "from lib import *\n" * 3000,
    "strings": "globals()[0] = [" + "'a', [" * 60 + "]" * 61 + "\nx = 1" * 3000,
}


@pytest.mark.parametrize("source", HOSTILE.values(), ids=HOSTILE)
def test_code_that_wants_to_cost_time(source):
    library = "%%writefile lib.py\n" + "".join(f"x{i} = 1\n" for i in range(3000))
    start = time.process_time()
    slice_submission(submit(library, source, "BasicBlock = a0"), ("BasicBlock",))
    assert time.process_time() - start < 20  # two or three; what grows faster than the code takes minutes


STATEMENTS = [
    "import math",
    "from functools import partial as bind",
    "SIZES = {}",
    "SIZES['basic'] = 3",
    "def area(n):\n    return math.pi * SIZES['basic'] * n",
    "class Base:\n    def value(self):\n        return area(self.n)",
    "class BasicBlock(Base):\n    n = 1",
    "class Bottleneck(Base):\n    n = 2",
    "def value(self):\n    return area(self.n) + 1",
    "Bottleneck.value = value",
    "class ResNet:\n    def __init__(self, block):\n        self.value = block().value()",
    "ResNet18 = bind(ResNet, BasicBlock)",
]


@given(
    noise=st.lists(st.tuples(st.integers(0, len(STATEMENTS)), st.sampled_from(list(EXPENSIVE.values()))), max_size=6),
    cuts=st.sets(st.integers(1, len(STATEMENTS) + 6)),
)
@settings(max_examples=60, deadline=None)
def test_any_split_into_cells_with_any_noise_runs(noise, cuts):
    """The same statements, cut into cells anywhere, with expensive statements in between, define the same."""
    statements = list(STATEMENTS)
    for position, source in noise:
        if "helper" not in source and "__main__" not in source:
            statements.insert(position, source)
    cells, cell = [], []
    for number, statement in enumerate(statements):
        if number in cuts:
            cells.append("\n".join(cell))
            cell = []
        cell.append(statement)
    namespace = run(*cells, "\n".join(cell), required=REQUIRED)
    assert namespace["ResNet18"]().value == namespace["BasicBlock"]().value() == pytest.approx(9.42, abs=0.01)
    assert namespace["Bottleneck"]().value() == pytest.approx(19.85, abs=0.01)


# --- execute -----------------------------------------------------------------------------------------------------


def errors_of(*cells: str, required=("BasicBlock",)) -> tuple[list[str], dict]:
    namespace = {}
    return execute(slice_submission(submit(*cells), required), namespace), namespace


def test_exception_is_reported_and_the_rest_goes_on():
    errors, namespace = errors_of(
        "import no_such_module\nN = 2", "class BasicBlock:\n    m = lambda: no_such_module\n    n = N"
    )
    assert errors == [
        "cell 1, line 1\n    import no_such_module\nModuleNotFoundError: No module named 'no_such_module'"
    ]
    assert namespace["BasicBlock"].n == 2


def test_missing_module_leaves_the_others_of_its_line():
    errors, namespace = errors_of("import no_such_module, math", "class BasicBlock:\n    value = math.pi")
    assert len(errors) == 1
    assert "no_such_module" in errors[0]
    assert namespace["BasicBlock"].value > 3


@pytest.mark.parametrize(
    "message",
    ["Torch not compiled with CUDA enabled", "Found no NVIDIA driver on your system.", "No CUDA GPUs are there"],
)
def test_code_that_wants_a_gpu_is_told_there_is_none(message):
    errors, _ = errors_of(f"def cuda(): raise RuntimeError({message!r})\nBasicBlock = cuda()")
    assert errors[0].splitlines()[-2] == f"RuntimeError: {message}"
    assert "There is no GPU here" in errors[0].splitlines()[-1]


def test_what_follows_from_an_error_is_not_reported_again():
    errors, namespace = errors_of(
        "def f(): return 1 / 0", "N = f()", "class Base: n = N", "class BasicBlock(Base): pass"
    )
    assert len(errors) == 1
    assert errors[0].splitlines() == [
        "cell 2, line 1",
        "    N = f()",
        "cell 1, line 1, in f",
        "    def f(): return 1 / 0",
        "ZeroDivisionError: division by zero",
    ]
    assert "BasicBlock" not in namespace


@pytest.mark.parametrize(
    ("cell", "words"),
    [
        ("import sys\nBasicBlock = sys.exit('bye')", "SystemExit: bye"),
        ("def f(): raise KeyboardInterrupt\nBasicBlock = f()", "KeyboardInterrupt"),
        ("def f(): return f()\nBasicBlock = f()", "RecursionError"),
        (
            "class Odd(Exception):\n    def __str__(self): return 1 / 0\ndef f(): raise Odd\nBasicBlock = f()",
            "cannot be shown",
        ),
        ("def f(): raise ValueError('x' * 10_000_000)\nBasicBlock = f()", "... (cut)"),
        ("BasicBlock = input('more?')", "BasicBlock = input"),
        ("class BasicBlock:\n    x = Nowhere", "NameError"),
    ],
)
def test_hostile_exceptions_become_text(cell, words, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO())
    errors, _ = errors_of(cell)
    assert len(errors) == 1
    assert words in errors[0]
    assert len(errors[0]) < 3000
    assert errors[0].startswith("cell 1, line ")


def test_module_is_called_submission():
    namespace = run("class BasicBlock: pass", "name = __name__\nBasicBlock.name = name")
    assert namespace["BasicBlock"].name == namespace["BasicBlock"].__module__ == "submission"


def test_traceback_shows_the_students_frames_only():
    namespace = run("""
        from json import loads
        class BasicBlock:
            def f(self, x):
                return sorted([x, 'a'], key=self.g)
            def g(self, x):
                return loads(x)
    """)
    with pytest.raises(json.JSONDecodeError) as caught:
        namespace["BasicBlock"]().f("{")
    lines = student_lines(caught.value).splitlines()
    assert lines == [
        "cell 1, line 5, in f",
        "    return sorted([x, 'a'], key=self.g)",
        "cell 1, line 7, in g",
        "    return loads(x)",
    ]


def test_traceback_of_a_python_file_names_it(tmp_path):
    path = write(tmp_path, "my net.py", "class BasicBlock:\n    def f(self):\n        raise KeyError\n")
    namespace = {}
    execute(slice_submission(read_submission(path)), namespace)
    with pytest.raises(KeyError) as caught:
        namespace["BasicBlock"]().f()
    assert student_lines(caught.value) == "my net.py, line 3, in f\n    raise KeyError"


def test_traceback_without_student_frames_is_empty():
    with pytest.raises(ZeroDivisionError) as caught:
        1 / 0  # noqa: B018
    assert student_lines(caught.value) == ""


def test_traceback_of_a_deep_recursion_is_short():
    namespace = run("class BasicBlock:\n    def f(self): return self.f()")
    with pytest.raises(RecursionError) as caught:
        namespace["BasicBlock"]().f()
    text = student_lines(caught.value)
    assert "more calls" in text
    assert len(text.splitlines()) < 20


def test_traceback_of_code_in_a_running_notebook():
    code = compile("def f():\n    1 / 0", "/tmp/ipykernel_123/4567.py", "exec")
    namespace = {}
    exec(code, namespace)
    with pytest.raises(ZeroDivisionError) as caught:
        namespace["f"]()
    assert student_lines(caught.value).startswith("your notebook, line 2, in f\n")


# --- the odd samples ---------------------------------------------------------------------------------------------


def test_hours_long_notebook_takes_no_time():
    slice_ = slice_submission(read_submission(SAMPLES / "hours_long.ipynb"))
    assert (slice_.missing, slice_.problems) == ((), ())
    kept_lines = [cell.source.split("\n") for cell in slice_.cells]
    assert sum(map(len, kept_lines)) < 100
    namespace = {}
    assert execute(slice_, namespace) == []
    assert not {"net", "device", "plt", "trainset", "history", "plain"} & namespace.keys()
    assert sum(p.numel() for p in namespace["ResNet18"]().parameters()) == 11_173_962


def test_sample_with_missing_classes():
    slice_ = slice_submission(read_submission(SAMPLES / "missing_classes.ipynb"))
    assert slice_.missing == ("Bottleneck", "ResNet", "ResNet18")
    assert slice_.problems == ()


def test_sample_with_syntax_error():
    slice_ = slice_submission(read_submission(SAMPLES / "syntax_error.ipynb"))
    assert slice_.missing == ("Bottleneck",)
    assert slice_.problems[0].startswith("cell 3, line 8: ")
    namespace = {}
    assert execute(slice_, namespace) == []
    assert {"BasicBlock", "ResNet", "ResNet18"} <= namespace.keys()


@pytest.mark.parametrize(("name", "words"), [("not_json.ipynb", "JSON"), ("empty.ipynb", "empty")])
def test_unreadable_samples(name, words):
    assert words in refused(SAMPLES / name)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("# class Bottleneck(nn.Module):\n#     expansion = 4\n", "line 1, is commented out."),
        (
            "# Commented out IPython magic to ensure Python compatibility.\n# %%time\n# class Bottleneck:\n",
            "Colab does",
        ),
        ("class BottleneckBlock:\n    pass\n", "defines `BottleneckBlock`; the name must be exactly `Bottleneck`"),
        ("class Botleneck:\n    pass\n", "defines `Botleneck`; the name must be exactly `Bottleneck`"),
    ],
)
def test_where_a_missing_definition_was_seen(source, reason):
    slice_ = slice_submission(submit("BasicBlock = ResNet = ResNet18 = 1", source))
    assert [problem for problem in slice_.problems if reason in problem and "`Bottleneck`" in problem]


@pytest.mark.parametrize(("kind", "label"), [("raw", "a raw cell"), ("markdown", "a Markdown cell")])
def test_a_definition_in_a_cell_that_holds_no_code_is_said(tmp_path, kind, label):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("import torch")])
    notebook.cells.append({"cell_type": kind, "metadata": {}, "source": "class ResNet:\n    pass"})
    path = tmp_path / "a.ipynb"
    path.write_text(json.dumps(notebook))
    problems = slice_submission(read_submission(path)).problems
    assert [line for line in problems if "`ResNet`" in line and f"{label}, which is not run" in line]


def test_a_python_file_with_cell_markers_is_read_cell_by_cell():
    source = "# %%\n%%time\nx = 1\n# %%\n%%bash\nls | grep 'x\n# %%\n!ls\nclass ResNet:\n    pass\n"
    slice_ = slice_submission(submit(source), ("x", "ResNet"))
    assert slice_.missing == ()
    namespace = {}
    assert execute(slice_, namespace) == []
    assert slice_.cells[0].source.split("\n")[8] == "class ResNet:"


def test_a_missing_class_leaves_those_that_only_mention_it():
    source = (
        "class ResNet:\n    def f(self, block: 'X' = None, kind: Bottleneck = None):\n        return Bottleneck()\n"
    )
    namespace = {}
    assert execute(slice_submission(submit(source)), namespace) == []
    assert not is_defined(namespace, "Bottleneck")
    assert is_defined(namespace, "ResNet")
    with pytest.raises(NameError, match="'Bottleneck' is not defined"):
        namespace["ResNet"]().f()
    student = LocalStudent(namespace)
    with pytest.raises(NotDefined):
        _ = student.Bottleneck
