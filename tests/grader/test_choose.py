"""One chooser: `grade`, Gradescope and Otter grade the same file of what a student hands in."""

import ast
import json
import sys
import time

import pytest

from autograder.course.handins import handins
from autograder.grading.find_submissions import find_submissions
from autograder.maintain.build import ROOT
from autograder.platforms.otter_plugin import _set_aside
from autograder.student.local import LocalStudent
from autograder.submission import UnreadableSubmission, Upload, fingerprint, read_source, read_upload
from autograder.submission.choose import parse_upload
from autograder.submission.content import content_of
from autograder.submission.handout import is_handout
from autograder.submission.upload import MOST_FILES
from tests.grader.layouts import STUBS, Layout, handout, layouts, notebook_of, script_of, solved, zip_of

RIGHT = solved()
BETTER = RIGHT.replace(b"F.relu(out + self.shortcut(x))", b"F.relu(self.shortcut(x) + out)")
"""As right, in other words."""
BROKEN, NAMELESS = b"{", b"import torch\n"
EARLY, LATE = "resnet_2026_11_30T10_00_45.zip", "resnet_2026_11_30T11_30_05.zip"
NOTEBOOK_THAT_IMPORTS = json.dumps(
    {"cells": [{"cell_type": "code", "source": "import torch\nfrom blocks import BasicBlock"}]}
)
ONE_CLASS = b"import torch.nn as nn\nclass BasicBlock(nn.Module):\n    expansion = 1\n"


@pytest.fixture(autouse=True)
def _own_modules():
    """What one test's submission imports is not there in the next one, and the handout's modules are not imported."""
    before = dict(sys.modules)
    for name in [name for name in before if name.partition(".")[0] in ("utils", "lab")]:
        del sys.modules[name]
    yield
    for name in set(sys.modules) - set(before):
        if getattr(sys.modules[name], "__spec__", None) is None:
            del sys.modules[name]
    sys.modules.update(before)


def code_of(reading) -> list[str]:
    return [ast.dump(node) for _, node in reading.slice.nodes]


SOLUTION = code_of(read_source(Upload("resnet.ipynb", {"resnet.ipynb": RIGHT})))


@pytest.mark.parametrize("name", layouts())
def test_each_way_reads_the_same_file(name, tmp_path):
    """`grade` gets the file, the zip or the folder; Gradescope and `otter run` unpack a zip."""
    layout = layouts()[name]
    (tmp_path / "class").mkdir()
    layout.write(tmp_path / "class")
    [handed_in], _ = find_submissions([tmp_path / "class"])
    gradescope, otter = tmp_path / "autograder" / "submission", tmp_path / "otter" / "submission"
    for folder in (gradescope, otter):
        layout.unpack(folder)
    (otter / "__init__.py").touch()  # Otter makes one
    for path in (handed_in, gradescope, _set_aside(otter / "resnet.ipynb")):
        upload = read_upload(path)
        reading = read_source(upload)
        file = reading.file or upload.name.replace("\\", "/")
        assert file.rpartition("/")[2] == layout.graded.rpartition("/")[2], path
        assert code_of(reading) == SOLUTION


@pytest.mark.parametrize("zipped", [False, True], ids=["folder", "zip"])
@pytest.mark.parametrize(
    ("files", "graded"),
    [
        ({"a.ipynb": RIGHT, "b.ipynb": STUBS}, "a.ipynb"),
        ({"resnet.ipynb": STUBS, "my_resnet.ipynb": RIGHT}, "my_resnet.ipynb"),
        ({"resnet.ipynb": STUBS, "my_resnet.py": script_of(RIGHT)}, "my_resnet.py"),
        ({"a.py": ONE_CLASS, "b.ipynb": RIGHT}, "b.ipynb"),
        ({"hw3.ipynb": NAMELESS, "model.py": script_of(RIGHT)}, "model.py"),
        ({"hw3.ipynb": BROKEN, "model.py": script_of(RIGHT)}, "model.py"),
        ({"Untitled.ipynb": b"", "hw3.ipynb": RIGHT}, "hw3.ipynb"),
        ({"hw3.ipynb": RIGHT, "hw3-Copy1.ipynb": RIGHT}, "hw3-Copy1.ipynb"),  # the same: no tie
        ({"resnet.ipynb": RIGHT, "resnet-Copy1.ipynb": BETTER}, "resnet.ipynb"),  # the handout's name
        ({"x/resnet.ipynb": RIGHT, "x/backup.ipynb": BETTER, "x/utils.py": NAMELESS}, "x/resnet.ipynb"),
        ({"hw3.ipynb": RIGHT, "old.zip": zip_of({"hw3.ipynb": BETTER})}, "hw3.ipynb"),
        ({"notes.py": NAMELESS, "hw3.zip": zip_of({"hw3.ipynb": RIGHT})}, "hw3.zip/hw3.ipynb"),
        ({"utils.py": script_of(RIGHT), "net.py": ONE_CLASS}, "net.py"),
        ({"README.txt": b"my homework", "net.py": ONE_CLASS}, "net.py"),
        ({"hw3.txt": script_of(RIGHT), "README.md": b"my homework"}, "hw3.txt"),
        ({EARLY: zip_of({"resnet.ipynb": STUBS}), LATE: zip_of({"resnet.ipynb": RIGHT})}, f"{LATE}/resnet.ipynb"),
        ({EARLY: zip_of({"resnet.ipynb": RIGHT}), LATE: zip_of({"resnet.ipynb": STUBS})}, f"{EARLY}/resnet.ipynb"),
        ({EARLY: zip_of({"resnet.ipynb": RIGHT}), LATE: zip_of({"resnet.ipynb": BETTER})}, f"{LATE}/resnet.ipynb"),
        ({"resnet.ipynb": STUBS, EARLY: zip_of({"resnet.ipynb": RIGHT})}, f"{EARLY}/resnet.ipynb"),
        ({"resnet.ipynb": b"", EARLY: zip_of({"resnet.ipynb": RIGHT})}, f"{EARLY}/resnet.ipynb"),
        ({"net.py": ONE_CLASS, "net.zip": zip_of({"resnet.ipynb": RIGHT})}, "net.zip/resnet.ipynb"),
        ({"net.py": ONE_CLASS, "old.zip": zip_of({"old.py": ONE_CLASS + b"    x = 1\n"})}, "net.py"),
    ],
)
def test_the_file_that_defines_most_names_is_graded(files, graded, zipped):
    upload = Upload("anna.zip", {"anna.zip": zip_of(files)}) if zipped else Upload("anna", files)
    assert parse_upload(upload).file == graded


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({"hw3.ipynb": RIGHT, "hw3-Copy1.ipynb": BETTER}, "`hw3-Copy1.ipynb` and `hw3.ipynb` define the same names"),
        ({"hw3.ipynb": RIGHT, "hw3.py": script_of(BETTER)}, "`hw3.ipynb` and `hw3.py` define the same names"),
        ({"a/resnet.ipynb": RIGHT, "b/resnet.ipynb": BETTER}, "`a/resnet.ipynb` and `b/resnet.ipynb` define"),
        ({"a.py": NAMELESS, "b.py": NAMELESS + b"x = 1"}, "`a.py` and `b.py` define none of the names"),
        (
            {"a.py": b"class BasicBlock: pass\nclass Bottleneck: pass", "b.py": b"class ResNet: pass\nResNet18 = 1"},
            "`a.py` defines `BasicBlock` and `Bottleneck`, `b.py` defines `ResNet` and `ResNet18`: one file is graded",
        ),
        ({"hw3.ipynb": BROKEN, "helper.py": NAMELESS}, "`hw3.ipynb`: it is not a notebook"),
        ({"notes.txt": b"my homework", "more.txt": b"none"}, "anna: it holds no notebook and no .py file"),
        ({"hw3.zip": b"PK", "notes.txt": b"none"}, "`hw3.zip`: it is not a zip file that can be opened"),
        (
            {"a.zip": zip_of({"resnet.ipynb": RIGHT}), "b.zip": zip_of({"resnet.ipynb": BETTER})},
            "`a.zip/resnet.ipynb` and `b.zip/resnet.ipynb` define the same names",
        ),
    ],
)
def test_a_tie_is_refused_and_names_both(files, said):
    with pytest.raises(UnreadableSubmission) as caught:
        parse_upload(Upload("anna", files))
    assert str(caught.value).startswith("anna: ")
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


IN_FILES = {
    "hw3/net.py": b"import models.blocks as blocks\nfrom models.head import *\nBasicBlock = blocks.BasicBlock\n"
    b"def Bottleneck(): pass\n",
    "hw3/models/__init__.py": b"",
    "hw3/models/blocks.py": b"from .parts import norm\n\nclass BasicBlock:\n    norm = norm\n",
    "hw3/models/parts.py": b"norm = 1\n",
    "hw3/models/head.py": b"from models import parts\ndef ResNet18(): pass\nclass ResNet: pass\n",
    "hw3/models/never.py": b"1 / 0\n",
    "old/models.py": b"BasicBlock = 1\n",
}


def test_files_that_the_graded_one_imports_are_part_of_it():
    reading = read_source(Upload("hw3", IN_FILES))
    assert reading.file == "hw3/net.py"
    assert reading.slice.missing == ()
    student = LocalStudent.from_slice(reading.slice)
    assert student.problems == []
    assert student.BasicBlock.norm == 1


M = "\n".join(f"{name} = m.{name}" for name in ("BasicBlock", "Bottleneck", "ResNet", "ResNet18"))
PARTS = {"models/a.py": b"class BasicBlock: n = 1\nclass Bottleneck: pass\n"}
PARTS["models/b.py"] = b"from .a import *\nclass ResNet: block = BasicBlock\ndef ResNet18(): pass\n"
NAMES = "BasicBlock, Bottleneck, ResNet, ResNet18"


@pytest.mark.parametrize("zipped", [False, True], ids=["folder", "zip"])
@pytest.mark.parametrize(
    "init",
    [
        "from .a import BasicBlock, Bottleneck\nfrom .b import ResNet, ResNet18\n",
        "from .a import *\nfrom .b import *\n",
        "from models.a import *\nfrom models.b import *\n",
        "from . import b\nfrom .a import BasicBlock, Bottleneck\nResNet, ResNet18 = b.ResNet, b.ResNet18\n",
    ],
)
@pytest.mark.parametrize("cell", [f"from models import {NAMES}", "from models import *", f"import models as m\n{M}"])
def test_a_package_gives_what_its_init_imports(cell, init, zipped, tmp_path):
    files = {"hw3.ipynb": notebook_of(cell), "models/__init__.py": init.encode(), **PARTS}
    Layout({"anna.zip": zip_of(files)} if zipped else files, "").write(tmp_path)
    [path], _ = find_submissions([tmp_path])
    reading = read_source(read_upload(path))
    assert (reading.file, reading.slice.missing, reading.slice.problems) == ("hw3.ipynb", (), ())
    student = LocalStudent.from_slice(reading.slice)
    assert student.problems == []
    assert student.BasicBlock.n == 1


BLOCKS = b"class BasicBlock: n = 1\nclass Bottleneck: pass\n"
NET = b"class ResNet: block = BasicBlock\ndef ResNet18(): pass\n"
IN_PACKAGES = {
    "relative": ("models/net.py", {"models/blocks.py": BLOCKS}, "from .blocks import *"),
    "relative, with an init that imports it": (
        "models/__init__.py",
        {"models/blocks.py": BLOCKS, "models/net.py": b"from .blocks import *\n" + NET},
        "from .net import BasicBlock, Bottleneck",
    ),
    "by the name of the package": ("models/net.py", {"models/blocks.py": BLOCKS}, "from models.blocks import *"),
    "in a deep folder": ("my hw 3/src/net.py", {"my hw 3/src/blocks.py": BLOCKS}, "from .blocks import *"),
    "in a folder that is no name": ("1 hw-3/net.py", {"1 hw-3/blocks.py": BLOCKS}, "from .blocks import *"),
    "one folder up": ("hw/models/net.py", {"hw/blocks.py": BLOCKS}, "from ..blocks import *"),
    "the other file leads up": (
        "hw/models/net.py",
        {
            "hw/models/blocks.py": b"from ..norm import N\n" + BLOCKS.replace(b"n = 1", b"n = N"),
            "hw/norm.py": b"N = 1\n",
        },
        "from .blocks import BasicBlock, Bottleneck",
    ),
    "without its folder": ("net.py", {"blocks.py": BLOCKS}, "from .blocks import *"),
    "the module, without its folder": (
        "net.py",
        {"blocks.py": BLOCKS},
        "from . import blocks\nBasicBlock, Bottleneck = blocks.BasicBlock, blocks.Bottleneck",
    ),
    "tried first": (
        "net.py",
        {"blocks.py": BLOCKS},
        "try:\n    from .blocks import *\nexcept ImportError:\n    from blocks import *",
    ),
    "as a script": ("src/net.py", {"src/blocks.py": BLOCKS, "src/__init__.py": b"x = 1\n"}, "from blocks import *"),
}


@pytest.mark.parametrize(("graded", "files", "imported"), IN_PACKAGES.values(), ids=IN_PACKAGES)
def test_a_file_of_a_package_is_graded_as_such(graded, files, imported):
    reading = read_source(Upload("hw3", files | {graded: f"{imported}\n".encode() + NET}))
    assert (reading.file, reading.slice.missing, reading.slice.problems) == (graded, (), ())
    student = LocalStudent.from_slice(reading.slice)
    assert student.problems == []
    assert student.BasicBlock.n == 1


@pytest.mark.parametrize(
    ("imported", "init"),
    [
        ("import blocks", "import blocks"),
        ("from . import blocks", "from . import blocks"),
        ("from blocks import BasicBlock", ""),
        ("import models.blocks as blocks", "from models.blocks import *"),
    ],
)
def test_a_name_that_only_an_imported_file_defines_is_taken_from_there(imported, init):
    net = f"{imported}\nclass ResNet: pass\ndef ResNet18(): return BasicBlock, blocks.BasicBlock\n".encode()
    files = {"net.py": net, "models/blocks.py": BLOCKS} if "models" in init else {"net.py": net, "blocks.py": BLOCKS}
    reading = read_source(Upload("hw3", files))
    assert (reading.file, reading.slice.missing) == ("net.py", ())
    said = "`Bottleneck` is defined in blocks.py and not imported from there: the grader imports it."
    assert reading.slice.problems[-1] == said
    student = LocalStudent.from_slice(reading.slice)
    assert student.problems == []
    assert student.BasicBlock.n == 1
    assert student.Bottleneck


@pytest.mark.parametrize(
    ("files", "graded"),
    [
        ({"net.py": BLOCKS + NET}, "net.py"),
        ({"blocks.py": BLOCKS, "net.py": b"from blocks import *\n" + NET}, "net.py"),
        ({"blocks.py": BLOCKS, "net.py": b"import blocks\n" + NET.replace(b"Basic", b"blocks.Basic")}, "net.py"),
        ({"net/__init__.py": b"from .a import *\n", "net/a.py": BLOCKS + NET}, "net/__init__.py"),
    ],
)
def test_scripts_that_only_use_the_network_do_not_tie(files, graded):
    scripts = {
        "train.py": b"from net import ResNet18\nnet = ResNet18()\n",
        "test.py": b"from net import ResNet, ResNet18\nassert isinstance(ResNet18(), ResNet)\n",
        "plot.py": b"import net\nprint(net.ResNet18())\n",
        "hw3.ipynb": notebook_of("from net import *", "ResNet18()"),
    }
    reading = read_source(Upload("hw3", files | scripts))
    assert (reading.file, reading.slice.missing) == (graded, ())


def test_a_name_that_two_imported_files_define_is_taken_from_neither():
    net = b"import a, b\nclass ResNet: x = a, b\nBasicBlock = 1\n"
    files = {"net.py": net, "a.py": b"class Bottleneck: pass\n", "b.py": b"class Bottleneck: x = 1\n"}
    slice_ = read_source(Upload("hw3", files)).slice
    assert slice_.missing == ("Bottleneck", "ResNet18")
    problem = "`Bottleneck`: a.py defines it, but it is not imported from there: add an import of it."
    assert problem in slice_.problems


PARTS_OF_NOTEBOOK = ("x = 1", "%time\nclass BasicBlock: n = x", "class Bottleneck: pass\n!ls")
RUNS = {
    "magic": ("%run blocks.ipynb", "blocks.ipynb"),
    "magic with a path": ("%run -i './parts/blocks.ipynb'  # first", "parts/blocks.ipynb"),
    "magic for a script": ("%run blocks.py", "blocks.py"),
    "magic without a suffix": ("print(1)\n%run blocks", "blocks.py"),
    "as nbconvert writes it": ("get_ipython().run_line_magic('run', 'blocks.ipynb')", "blocks.ipynb"),
    "exec": ("exec(open('blocks.py').read())", "blocks.py"),
    "exec of a path": ('from pathlib import Path\nexec(Path("parts/blocks.py").read_text())', "parts/blocks.py"),
    "import_ipynb": ("import import_ipynb\nfrom blocks import BasicBlock, Bottleneck", "blocks.ipynb"),
    "ipynb.fs": ("from ipynb.fs.full.blocks import *", "blocks.ipynb"),
    "import_module": (
        "from importlib import import_module\nBasicBlock = import_module('blocks').BasicBlock",
        "blocks.py",
    ),
    "importlib": ("import importlib\nb = importlib.import_module('blocks')\nBasicBlock = b.BasicBlock", "blocks.py"),
    "__import__": ("BasicBlock = __import__('blocks').BasicBlock", "blocks.py"),
}


@pytest.mark.parametrize(("cell", "file"), RUNS.values(), ids=RUNS)
def test_what_a_cell_runs_is_part_of_the_notebook(cell, file):
    data = (
        notebook_of(*PARTS_OF_NOTEBOOK)
        if file.endswith(".ipynb")
        else b"x = 1\nclass BasicBlock: n = x\n" + BLOCKS[23:]
    )
    files = {"hw3.ipynb": notebook_of(cell, NET.decode()), file: data, "other.ipynb": notebook_of("y = 2")}
    reading = read_source(Upload("hw3", files))
    assert (reading.file, reading.slice.missing) == ("hw3.ipynb", ())
    assert not any("is graded" in problem for problem in reading.slice.problems)
    student = LocalStudent.from_slice(reading.slice)
    assert student.problems == []
    assert (student.BasicBlock.n, student.defines("Bottleneck")) == (1, True)


def test_a_line_of_a_notebook_that_is_run_is_named_as_it_stands_there():
    files = {"hw3.ipynb": notebook_of("%run b.ipynb", NET.decode()), "b.ipynb": notebook_of("", "\nBasicBlock = 1 / 0")}
    student = LocalStudent.from_slice(read_source(Upload("hw3", files)).slice)
    assert "b.ipynb, cell 2, line 2" in "\n".join(student.problems)


def test_notebooks_that_run_each_other_are_read_once():
    first, second = notebook_of("%run b.ipynb", "BasicBlock = 1"), notebook_of("%run resnet.ipynb", "ResNet = 1")
    slice_ = read_source(Upload("hw3", {"resnet.ipynb": first, "b.ipynb": second})).slice
    assert slice_.missing == ("Bottleneck", "ResNet18")
    assert len(slice_.cells) == 2


def test_a_long_chain_of_notebooks_is_read():
    files = {f"n{i}.ipynb": notebook_of(f"%run n{i + 1}.ipynb\nBasicBlock = {i}") for i in range(60)}
    assert read_source(Upload("hw3", files)).file == "n0.ipynb"


@pytest.mark.parametrize("line", ["a" + " " * 150_000, "a, " * 60_000, "from a import (\n" * 12_000, "x: " * 60_000])
def test_odd_lines_do_not_take_long(line):
    start = time.perf_counter()
    files = {"net.py": f"{line}\nclass BasicBlock: pass".encode(), "utils.py": line.encode()}
    assert not is_handout("utils.py", line.encode()) or read_source(Upload("hw3", files)).file == "net.py"
    assert time.perf_counter() - start < 20


CONV = b"def conv3x3(n): return n\n"
HANDOUT_UTILS = (ROOT / "utils.py").read_bytes()
USES = b"class BasicBlock: n = conv3x3(1)\n"


@pytest.mark.parametrize(
    "files",
    [
        {"net.py": b"from utils import conv3x3\n" + USES, "utils.py": CONV},
        {"net.py": b"from utils import conv3x3\n" + USES, "utils.py": HANDOUT_UTILS + CONV},
        {"net.py": b"from utils import *\n" + USES, "utils.py": b"from parts import conv3x3\n", "parts.py": CONV},
        {"net.py": b"from lab.blocks import conv3x3\n" + USES, "lab/blocks.py": CONV, "lab/__init__.py": b""},
        {
            "net.py": b"from m.a import BasicBlock\n",
            "m/a.py": b"from .utils import conv3x3\n" + USES,
            "m/utils.py": CONV,
        },
        {"hw/net.py": b"from utils import (\n  conv3x3,\n)\n" + USES, "hw/utils.py": b"A, conv3x3 = 1, abs\n"},
    ],
)
def test_a_file_with_a_name_of_the_handout_can_be_the_students(files, tmp_path):
    """The student's `utils.py` is a part of the submission, whether it is handed in as a folder or as a zip."""
    for handed_in in (Layout(files, ""), Layout(files, "", zipped=True)):
        folder = tmp_path / str(handed_in.zipped)
        folder.mkdir()
        [path], _ = find_submissions([handed_in.write(folder)])
        reading = read_source(read_upload(path))
        assert reading.file.endswith("net.py")
        student = LocalStudent.from_slice(reading.slice)
        assert (student.problems, student.BasicBlock.n) == ([], 1)


CHANGED = HANDOUT_UTILS.replace(b"0.4914", b"0.5").replace(b"\n", b"\r\n")


@pytest.mark.parametrize("utils", [HANDOUT_UTILS, CHANGED, b"", b"import torch\n", b"CLASSES = ('cat', 'dog')\n"])
def test_a_file_of_the_handout_is_no_part_of_a_submission(utils, tmp_path):
    (tmp_path / "anna").mkdir()
    (tmp_path / "anna/net.py").write_bytes(b"from utils import *\nclass BasicBlock: n = 1\n")
    (tmp_path / "anna/utils.py").write_bytes(utils)
    (tmp_path / "anna/conftest.py").write_bytes(CONV)
    assert [*find_submissions([tmp_path])[0]] == [tmp_path / "anna/net.py"]
    assert [*read_upload(tmp_path / "anna").files] == ["net.py"]
    files = {path.name: path.read_bytes() for path in (tmp_path / "anna").iterdir()}
    reading = read_source(Upload("anna.zip", {"anna.zip": zip_of(files)}))
    assert {cell.module for cell in reading.slice.cells} == {""}


def test_an_own_helper_does_not_part_the_files_of_one_student(tmp_path):
    for name, data in {"hw.ipynb": RIGHT, "hw-Copy1.ipynb": RIGHT, "utils.py": CONV, "lab/blocks.py": CONV}.items():
        (tmp_path / "anna" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "anna" / name).write_bytes(data)
    assert [*find_submissions([tmp_path])[0]] == [tmp_path / "anna"]


def test_an_init_is_no_submission(tmp_path):
    """Otter makes an empty one; a class folder can hold one of somebody's tools."""
    for name in ("anna/hw.ipynb", "anna/__init__.py", "__init__.py", "submission_7/hw.py", "submission_8/hw.py"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    (tmp_path / "submission_7/__init__.py").touch()
    (tmp_path / "submission_8/__init__.py").write_text("x = 1\n")
    names = ("anna", "submission_7/hw.py", "submission_8")
    assert [*find_submissions([tmp_path])[0]] == [tmp_path / name for name in names]


def test_a_line_of_an_imported_file_is_named_as_it_stands_there():
    files = {"net.py": b"from blocks import BasicBlock\n", "blocks.py": b"import torch\n\nBasicBlock = torch.nothing\n"}
    student = LocalStudent.from_slice(read_source(Upload("hw3", files)).slice)
    assert "blocks.py, line 3" in "\n".join(student.problems)


IMPORTS = [
    *("from . import blocks", "from .. import blocks", "from . import *", "from .blocks import *"),
    *("from ...x import blocks", f"from {'.' * 5000}x import blocks", f"from {'.' * 30} import blocks"),
    *("from .models import blocks", "import models.blocks as blocks", "import models.x"),
    *("from . import (blocks,\n  net)", "if True:\n    from . import blocks", "def f():\n    from . import blocks"),
    "try:\n    from . import blocks\nexcept ImportError:\n    import blocks",
]


@pytest.mark.parametrize("file", ["net.py", "models/net.py", "models/__init__.py", "models/deep/net.py", "hw3.ipynb"])
@pytest.mark.parametrize("imported", IMPORTS)
def test_no_form_of_an_import_breaks_the_reader(imported, file):
    """The name is used, so that the import is looked at; what it finds is another question."""
    code = f"{imported}\nResNet = ResNet18 = (blocks, net, models, f)\n"
    data = notebook_of(code) if file.endswith(".ipynb") else code.encode()
    files = {"blocks.py": ONE_CLASS, "models/blocks.py": ONE_CLASS, "models/other.py": b"x = 1\n", file: data}
    assert read_source(Upload("hw3", files)).content.named
    assert read_source(Upload("hw3", files | {"all.py": script_of(RIGHT)})).file == "all.py"


SUPER = b"        super().__init__()\n"
LOGITS = b"        return self.linear(out)"


@pytest.mark.parametrize(
    ("before", "after", "defined"),
    [
        (SUPER, SUPER + b"        if stride > 2:\n            raise NotImplementedError\n", 4),
        (LOGITS, LOGITS + b"\n        raise NotImplementedError('left from the handout')\n        #", 4),
        (LOGITS, b"        raise NotImplementedError('todo')\n        #", 3),
        (SUPER, SUPER + b"        raise NotImplementedError\n", 3),
    ],
)
def test_a_stub_raises_whatever_it_gets(before, after, defined):
    changed = script_of(RIGHT).replace(before, after, 1)
    assert changed != script_of(RIGHT)
    assert content_of(read_source(Upload("net.py", {"net.py": changed})).slice).defined == defined


def test_a_file_that_is_not_graded_is_named():
    reading = read_source(Upload("anna", {"resnet.ipynb": RIGHT, "older.ipynb": BETTER, "notes.ipynb": STUBS}))
    assert reading.slice.problems == ("`resnet.ipynb` is graded, and not `older.ipynb` and `notes.ipynb`.",)


@pytest.mark.parametrize(
    ("files", "said"),
    [
        ({EARLY: RIGHT, LATE: BETTER}, f"`{LATE}/resnet.ipynb` is graded, and not `{EARLY}/resnet.ipynb`."),
        ({"resnet.ipynb": STUBS, LATE: RIGHT}, f"`{LATE}/resnet.ipynb` is graded, and not `resnet.ipynb`."),
        ({"resnet.ipynb": RIGHT, LATE: BETTER}, f"`resnet.ipynb` is graded, and not `{LATE}`."),
    ],
)
def test_a_zip_that_is_not_graded_is_named(files, said):
    files = {name: zip_of({"resnet.ipynb": data}) if name.endswith(".zip") else data for name, data in files.items()}
    assert read_source(Upload("anna", files)).slice.problems == (said,)


@pytest.mark.parametrize(
    ("files", "found"),
    [
        (["a.ipynb", "b.py", "c.ZIP", "utils.py", ".d.py", "__e.py"], ["a.ipynb", "b.py", "c.ZIP", "utils.py"]),
        (["section/anna.ipynb", "section/bert.ipynb"], ["section/anna.ipynb", "section/bert.ipynb"]),
        (["anna/x/resnet.ipynb", "bert/resnet.py"], ["anna/x/resnet.ipynb", "bert/resnet.py"]),
        (["anna/hw.ipynb", "anna/hw-Copy1.ipynb", "anna/hw (2).ipynb", "anna/hw.py"], ["anna"]),
        (["anna/hw.ipynb", "anna/utils.py", "anna/lab/trainer.py"], ["anna/hw.ipynb"]),
        (
            ["submission_123/a.ipynb", "submission_123/b.ipynb", "submission_4/a.ipynb"],
            ["submission_123", "submission_4/a.ipynb"],
        ),
        (
            ["Anna_77_assignsubmission_file/a.py", "Anna_77_assignsubmission_file/b.py"],
            ["Anna_77_assignsubmission_file"],
        ),
        (["section/anna.py", "section/bert.py", "section/utils.py"], ["section/anna.py", "section/bert.py"]),
    ],
)
def test_folders_of_one_student_are_one_submission(files, found, tmp_path):
    for name in files:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    submissions, _ = find_submissions([tmp_path])
    assert list(submissions) == [tmp_path / name for name in found]
    counted, others = handins(submissions)
    assert (len({one.name for one in counted}), others) == (len(found), {})


IMPORTING = "from blocks import BasicBlock\nclass ResNet: pass\n"


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"cy/main.py": IMPORTING, "cy/blocks.py": ""}, {"cy": "cy"}),
        ({"submitted/cy/ps1/main.py": IMPORTING, "submitted/cy/ps1/blocks.py": ""}, {"submitted/cy/ps1": "cy"}),
        ({"s1/cy/net.py": IMPORTING, "s1/cy/blocks/a.py": "", "s1/al.py": ""}, {"s1/cy": "s1/cy", "s1/al.py": "s1/al"}),
        ({"cy/hw3.ipynb": NOTEBOOK_THAT_IMPORTS, "cy/hw3.py": IMPORTING, "cy/blocks.py": ""}, {"cy": "cy"}),
        ({"cy/a.py": "import b", "cy/b.py": "import c", "cy/c.py": "import a"}, {}),
        ({"s1/al.py": "import bo", "s1/bo.py": "", "s1/cy.py": ""}, {}),
        ({"s1/al.py": "import x", "s1/bo.py": "import x", "s1/x.py": ""}, {}),
        ({"al.py": "import bo", "bo.py": ""}, {}),
    ],
)
def test_files_that_import_each_other_are_one_submission(files, found, tmp_path):
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text or "x = 1")
    counted, _ = handins(find_submissions([tmp_path])[0])
    whose = {str(one.file.relative_to(tmp_path)): one.origin.key for one in counted}
    assert whose == (found or {name: name.removesuffix(".py") for name in files})


def test_a_module_beside_the_file_is_graded_with_it(tmp_path):
    source = script_of(RIGHT).decode()
    begin, end = source.index("class BasicBlock"), source.index("class ResNet")
    blocks = f"import torch\nfrom torch import nn\nimport torch.nn.functional as F\n{source[begin:end]}"
    rest = f"from blocks import BasicBlock, Bottleneck\n{source[:begin]}{source[end:]}"
    for folder in ("cy", "submitted/cy/ps1"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "main.py").write_text(rest)
        (tmp_path / folder / "blocks.py").write_text(blocks)
    found, _ = find_submissions([tmp_path])
    assert [*found] == [tmp_path / "cy", tmp_path / "submitted" / "cy" / "ps1"]
    assert [read_source(read_upload(one)).slice.missing for one in found] == [(), ()]


def test_every_folder_can_be_one_submission(tmp_path):
    for name in ("anna/model.py", "anna/train.py", "bert/deep/model.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert [*find_submissions([tmp_path], folders=True)[0]] == [tmp_path / "anna", tmp_path / "bert/deep/model.py"]


def test_a_copy_of_the_handout_is_one_submission(tmp_path):
    for name, data in handout(RIGHT).items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(data)
    for given in (tmp_path, tmp_path / "resnet"):
        assert [*find_submissions([given])[0]] == [tmp_path / "resnet/assignment/resnet.ipynb"]


def test_output_of_nbconvert_with_the_suffix_txt_is_graded(tmp_path):
    (tmp_path / "hw3.txt").write_bytes(script_of(RIGHT))
    (tmp_path / "notes.txt").write_text("class BasicBlock is fine")
    (tmp_path / "link.txt").symlink_to(tmp_path / "hw3.txt")
    found, ignored = find_submissions([tmp_path])
    assert list(found) == [tmp_path / "hw3.txt"]
    assert ignored == [tmp_path / "link.txt", tmp_path / "notes.txt"]
    assert code_of(read_source(read_upload(tmp_path / "hw3.txt"))) == SOLUTION
    with pytest.raises(UnreadableSubmission, match=r"notes\.txt: hand in a notebook"):
        read_upload(tmp_path / "notes.txt")


def test_a_folder_has_the_hash_of_its_only_file_or_of_all(tmp_path):
    folder = tmp_path / "anna"
    folder.mkdir()
    (folder / "a.py").write_bytes(ONE_CLASS)
    (folder / "notes.pdf").write_bytes(b"%PDF")
    assert fingerprint(folder) == fingerprint(folder / "a.py")
    (folder / "b.py").write_bytes(NAMELESS)
    both = fingerprint(folder)
    (folder / "b.py").rename(folder / "c.py")
    assert fingerprint(folder) != both


def test_links_and_floods_in_a_folder(tmp_path):
    (tmp_path / "secret.py").write_bytes(script_of(RIGHT))
    folder = tmp_path / "anna"
    folder.mkdir()
    (folder / "a.py").symlink_to(tmp_path / "secret.py")
    with pytest.raises(UnreadableSubmission, match="is a link"):
        read_upload(folder)
    (folder / "b.py").write_bytes(ONE_CLASS)
    assert read_upload(folder).files == {"b.py": ONE_CLASS}
    for number in range(MOST_FILES):
        (folder / f"{number}.dat").touch()
    with pytest.raises(UnreadableSubmission, match=f"anna: it holds more than {MOST_FILES} files"):
        read_upload(folder)
