"""The gallery's entries are well labelled, and each makes a whole submission as a .py file and as a notebook."""

import copy
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from torch import nn

from autograder.contract import QUESTIONS, REQUIRED
from autograder.maintain.gallery import BadEntry, as_notebook, complete, load_gallery
from autograder.maintain.samples import GALLERY, entries
from autograder.submission import Cell, Submission, all_slices, execute, read_submission, slice_submission
from tests.grader.class_runs import run

ENTRIES = [*entries().values()]

SOLVED = [
    "import torch\nimport torch.nn as nn",
    "%%time\nclass BasicBlock(nn.Module):\n    expansion = 1",
    "class BasicBlock(nn.Module):\n    '''solved'''\n    expansion = 1\n\n\nblock = BasicBlock()",
    "class Bottleneck(nn.Module):\n    '''solved'''\n    expansion = 4",
    "class ResNet(nn.Module):\n    '''solved'''\n    def __init__(self, block, num_blocks, num_classes=10):\n"
    "        super().__init__()\n\n\ndef ResNet18():\n    return ResNet(BasicBlock, [2, 2, 2, 2])",
    "net = ResNet18()",
]
"""A stand-in for the solved notebook: what matters here is which cell defines what."""


@pytest.fixture(autouse=True)
def same_torch():
    """Some entries change PyTorch itself, which is their right in a process of their own."""
    before = dict(vars(nn))
    yield
    vars(nn).update(before)


def solved_notebook() -> nbformat.NotebookNode:
    cells = [new_code_cell(source, id=f"cell-{number}") for number, source in enumerate(SOLVED)]
    return new_notebook(cells=[new_markdown_cell("# Title", id="title"), *cells])


def solved_source() -> str:
    return "\n\n".join(SOLVED).replace("%%time\n", "")


def defined(path: Path) -> dict:
    """Slice and execute a submission that must raise nothing, by one slice at least; returns its required names."""
    for slice_ in all_slices(read_submission(path)):
        namespace = {}
        if not (raised := execute(slice_, namespace)):
            break
    assert raised == []
    assert slice_.missing == ()
    assert slice_.problems == ()
    return {name: namespace[name] for name in REQUIRED}


def changed(source: str) -> set[str]:
    """The required names that a file defines itself."""
    slice_ = slice_submission(Submission("entry.py", (Cell("entry.py", source),)))
    return set(REQUIRED) - set(slice_.missing)


def write_entry(folder: Path, text: str, name: str = "wrong/entry.py") -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return folder


def test_gallery_holds_enough():
    right = [entry for entry in ENTRIES if entry.right]
    assert len(right) >= 45
    assert len(ENTRIES) - len(right) >= 125
    assert {entry.question for entry in ENTRIES if not entry.right} == set(QUESTIONS) - {"q4"}


@pytest.mark.parametrize("entry", [e for e in ENTRIES if not e.right], ids=lambda e: e.name)
def test_wrong_entry_is_labelled(entry):
    assert entry.name.startswith(f"{entry.question}_")
    assert entry.evidence
    mine = {"q1": ("BasicBlock",), "q2": ("Bottleneck",), "q3": ("ResNet", "ResNet18")}[entry.question]
    assert changed(entry.source) in [{name} for name in mine], "one mistake, in one class or function"


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda e: e.name)
def test_entry_is_a_whole_submission(entry, tmp_path):
    """As a .py file and as a notebook the entry's own definitions are the ones that count."""
    script = tmp_path / "entry.py"
    script.write_text(complete(entry, solved_source()))
    notebook = as_notebook(entry, solved_notebook())
    nbformat.validate(notebook)
    nbformat.write(notebook, tmp_path / "entry.ipynb")
    for names in (defined(script), defined(tmp_path / "entry.ipynb")):
        for name in changed(entry.source):
            assert names[name].__doc__ != "solved"
        for name in set(REQUIRED[:3]) - changed(entry.source):
            assert names[name].__doc__ == "solved"


def test_notebook_keeps_everything_else(tmp_path):
    folder = write_entry(
        tmp_path,
        '"""A title."""\n\n# question: q1\n\nimport math\n\nK = 3\n\n\n# why\n@staticmethod\ndef helper(): ...\n\n\n'
        "class BasicBlock:\n    pass\n\n\nBasicBlock.k = K\n",
    )
    [entry] = load_gallery(folder)
    solved = solved_notebook()
    before = copy.deepcopy(solved)
    notebook = as_notebook(entry, solved)
    assert solved == before
    assert len(notebook.cells) == len(solved.cells) + 1
    assert notebook.cells[3].source == "import math\n\nK = 3\n\n\n# why\n@staticmethod\ndef helper(): ..."
    assert notebook.cells[4].source == "class BasicBlock:\n    pass\n\n\nBasicBlock.k = K\n\n\nblock = BasicBlock()"
    untouched = [cell for number, cell in enumerate(notebook.cells) if number not in (3, 4)]
    assert untouched == [cell for number, cell in enumerate(solved.cells) if number != 3]


def test_headers(tmp_path):
    text = '"""A title.\n\nMore."""\n# question: q2\n# misconception: no_add\n# evidence: it is so\n\n# free\nx = 1\n'
    [entry] = load_gallery(write_entry(tmp_path, text))
    assert (entry.title, entry.question, entry.misconception, entry.evidence) == (
        "A title.",
        "q2",
        "no_add",
        "it is so",
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x = 1\n", "the docstring is missing"),
        ('"""Title."""\n', "it changes nothing"),
        ('"""Title."""\nx = (\n', "line 2: "),
        ('"""Title."""\nx = 1\n', "needs `# question:`"),
        ('"""Title."""\n# question: q9\nx = 1\n', "not `q9`"),
        ('"""Title."""\n# quesiton: q1\nx = 1\n', "unknown header `quesiton`"),
        ('"""Title."""\n# question: q1\n# question: q2\nx = 1\n', "given twice"),
        ('"""Title."""\n# question: q1\n# misconception: No Add\nx = 1\n', "snake_case"),
        ('"""Title."""\n# just a remark\nx = 1\n', "is no header"),
    ],
)
def test_bad_entry_is_one_line(tmp_path, text, words):
    with pytest.raises(BadEntry) as caught:
        load_gallery(write_entry(tmp_path, text))
    line = str(caught.value)
    assert line.startswith("wrong/entry.py: ")
    assert words in line
    assert "\n" not in line


RIGHT = """\"\"\"Right.\"\"\"

import torch.nn as nn

unused = 1


def conv(n_in, n_out):
    return nn.Conv2d(n_in, n_out, 3)


class BasicBlock(nn.Module):
    expansion = 1

    def forward(self, x):
        y = self.a(x)
        return y + x


class Bottleneck(BasicBlock):
    expansion = 4
    twice = conv(1, 1)
    twice = conv(1, 1)
"""


def write_diff(folder: Path, text: str, name: str = "wrong/q1.diff") -> Path:
    write_entry(folder, RIGHT, "right/style.py")
    return write_entry(folder, text, name)


def test_diff_changes_what_the_question_asks_for(tmp_path):
    """The made file holds the class of the question and what it needs, with the lines exchanged, nothing else."""
    text = (
        "# How to write one.\n\n= style\n\nq1_gone: A title: of two parts.\n  evidence: it is\n"
        "-        y = self.a(x)\n...\n-        return y + x\n+        return x\n+\n+    def more(self): ...\n\n"
        "q1_other: T.\n  misconception: none\n+K = 2\n class BasicBlock(nn.Module):\n     expansion = 1\n+    k = K\n"
        "+    l = 1\n-        y = self.a(x)\n+        y = 2\n"
    )
    gone, other = load_gallery(write_diff(tmp_path, text))[1:]
    assert (gone.name, gone.title, gone.question, gone.misconception) == (
        "q1_gone",
        "A title: of two parts.",
        "q1",
        "gone",
    )
    assert (gone.evidence, gone.right, gone.path) == ("it is", False, tmp_path / "wrong" / "q1.diff")
    assert gone.source == (
        '"""A title: of two parts."""\n\n# question: q1\n# misconception: gone\n# evidence: it is\n\n'
        "import torch.nn as nn\n\n\nclass BasicBlock(nn.Module):\n    expansion = 1\n\n    def forward(self, x):\n"
        "        return x\n\n    def more(self): ...\n"
    )
    assert other.misconception == ""
    assert other.source.endswith(
        "import torch.nn as nn\n\n\nK = 2\nclass BasicBlock(nn.Module):\n    expansion = 1\n    k = K\n    l = 1\n\n"
        "    def forward(self, x):\n        y = 2\n        return y + x\n"
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("= style\n\nno title\n", "`no title` is no first line"),
        ("= style\n\nq1_e: T.\n-    nowhere\n", "q1_e: `nowhere` and what follows are 0 times in style"),
        ("= style\n\nq1_e: T.\n-nowhere\n+    expansion = 2\n", "q1_e: `nowhere`"),
        ("= style\n\nq1_e: T.\n-    expansion = 1\n-\n-    twice = 2\n", "are 0 times"),
        ("= style\n\nq1_e: T.\n+    k = 1\n", "q1_e: `k = 1` has no place"),
        ("= style\n\nq1_e: T.\n    expansion = 1\n", "q1_e: `expansion = 1` and what follows are 0 times"),
        ("= style\n\nq1_e: T.\n     expansion = 1\n", "q1_e: it changes nothing"),
        ("= style\n\nq1_e: T.\n", "q1_e: it changes nothing"),
        ("= style\n\nq1_e: T.\nexpansion\n", "q1_e: `expansion` begins with none of"),
        ("= style\n\nq1_e: T.\n-    expansion = 1\n+    expansion = (\n", "q1_e: line "),
        ("= style\n\nq1_e: T.\n  misconception: No\n-    expansion = 1\n", "q1_e: the misconception `No` is not in"),
        ("= other\n\nq1_e: T.\n-    expansion = 1\n", "there is no style `other`"),
    ],
)
def test_bad_diff_is_one_line(tmp_path, text, words):
    with pytest.raises(BadEntry) as caught:
        load_gallery(write_diff(tmp_path, text))
    line = str(caught.value)
    assert line.startswith("wrong/q1.diff: ")
    assert words in line
    assert "\n" not in line


def test_lines_that_are_twice_are_no_place(tmp_path):
    text = "= style\n\nq2_e: T.\n-    twice = conv(1, 1)\n"
    with pytest.raises(BadEntry, match=r"q2_e: `twice = conv\(1, 1\)` and what follows are 2 times in style, not once"):
        load_gallery(write_diff(tmp_path, text, "wrong/q2.diff"))


def test_wrong_entries_come_in_several_styles():
    """A mistake must be seen in code that is written in another way, too."""
    for question in ("q1", "q2", "q3"):
        text = (GALLERY / "wrong" / f"{question}.diff").read_text()
        assert text.count("\n= ") >= 5, question


def test_show_prints_a_whole_submission():
    done = run("gallery", "show", "q1_gelu")
    assert done.exit_code == 0, done.stderr
    names: dict = {}
    slice_ = slice_submission(Submission("q1_gelu.py", (Cell("q1_gelu.py", done.stdout),)))
    assert slice_.missing == ()
    assert execute(slice_, names) == []
    assert any(isinstance(module, nn.GELU) for module in names["BasicBlock"](8, 8).modules())
    done = run("gallery", "show", "q1_none")
    assert done.exit_code == 1
    assert "there is no entry q1_none" in done.stderr


def test_right_entry_has_no_headers(tmp_path):
    with pytest.raises(BadEntry, match="a right entry has no headers"):
        load_gallery(write_entry(tmp_path, '"""T."""\n# question: q1\nx = 1\n', "right/entry.py"))


def test_folder_without_entries(tmp_path):
    with pytest.raises(BadEntry, match="no gallery here"):
        load_gallery(tmp_path)


def test_name_twice(tmp_path):
    write_entry(tmp_path, '"""T."""\nx = 1\n', "right/entry.py")
    with pytest.raises(BadEntry, match="two entries are called entry"):
        load_gallery(write_entry(tmp_path, '"""T."""\n# question: q1\nx = 1\n'))
