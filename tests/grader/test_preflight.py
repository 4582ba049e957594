"""Before a notebook is handed in: the saved file is compared with the kernel, and judged as graders judge it."""

import ast
import zipfile

import nbformat
import pytest

from autograder.course.identity import identify
from autograder.maintain.samples import solution_notebook
from autograder.notebook import check
from autograder.notebook.check import PUBLIC, run_checks
from autograder.notebook.preflight import Preflight, inspect_file
from autograder.submission import UnreadableSubmission

HEAD = "import torch.nn as nn\nimport torch.nn.functional as F"
ANSWERS = [c.source for c in solution_notebook().cells if "otter_answer_cell" in c.metadata.get("tags", [])]
CLASSES = "\n\n\n".join([HEAD, *ANSWERS]) + "\n"


@pytest.fixture(autouse=True)
def no_checks(monkeypatch, request):
    """Comparing needs no run of the checks, which takes seconds."""
    if "judged" not in request.node.name:
        monkeypatch.setattr("autograder.notebook.preflight.run_suite", lambda *_: [])


def saved(tmp_path, source: str):
    """A notebook whose classes are in one cell."""
    path = tmp_path / "resnet.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(source)]), path)
    return path


def kernel(source: str) -> dict:
    """The globals of a notebook that ran `source`, one statement at a time as IPython does."""
    namespace = {"__name__": "__main__"}
    for statement in ast.parse(source).body:
        exec(compile(ast.Module([statement], type_ignores=[]), "<cell>", "exec"), namespace)
    return namespace


def compare(tmp_path, file: str, running: str) -> Preflight:
    return inspect_file(saved(tmp_path, file), kernel(running), PUBLIC)


@pytest.fixture
def notebook(tmp_path, monkeypatch):
    """The `grader` of a saved notebook, whose kernel ran the same code."""
    saved(tmp_path, CLASSES)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(check, "_live_namespace", lambda: kernel(CLASSES))
    return check.Notebook("resnet.ipynb")


def files_in_zip(folder) -> set[str]:
    (path,) = folder.glob("*.zip")
    return set(zipfile.ZipFile(path).namelist())


def test_what_otter_takes_may_be_given_to_export(notebook, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(check, "save_notebook", lambda path: False)
    (tmp_path / "notes.md").write_text("why I did this")
    notebook.export(force_save=True, files=["notes.md"], display_link=False)
    assert {"resnet.ipynb", "notes.md"} <= files_in_zip(tmp_path)
    assert "could not be saved from here. Save it (Ctrl+S)" in capsys.readouterr().out


def test_a_notebook_with_a_new_name_is_found(notebook, tmp_path, capsys):
    (tmp_path / "resnet.ipynb").rename(tmp_path / "smith.ipynb")
    notebook.export(display_link=False)
    assert "smith.ipynb" in files_in_zip(tmp_path)
    (path,) = tmp_path.glob("*.zip")
    whose = identify(("class", f"smithann_1_2_{path.name}"), 1)
    assert (whose.key, whose.attempt, whose.work) == (("smithann_1",), 1, "smith")
    assert identify(("class", path.name), 1).key == ("smith",)
    assert "resnet.ipynb is not here any more: this is smith.ipynb." in capsys.readouterr().out


def test_which_of_two_notebooks_is_asked(notebook, tmp_path, capsys):
    (tmp_path / "resnet.ipynb").rename(tmp_path / "smith.ipynb")
    (tmp_path / "other.ipynb").write_text("")
    for name in (None, "resnet.ipynb"):
        notebook.export(name)
        assert capsys.readouterr().out == (
            "resnet.ipynb is not in this folder. Which file is this notebook? Write its name: "
            'grader.export("resnet.ipynb"). Here are other.ipynb, smith.ipynb.\n'
        )
    assert not list(tmp_path.glob("*.zip"))


def test_the_same_code_does_not_differ(tmp_path):
    assert compare(tmp_path, CLASSES, CLASSES).differs == ()


def test_comments_and_layout_do_not_matter(tmp_path):
    other = CLASSES.replace("        out = F.relu", "\n        # a thought\n        out = (F.relu", 1).replace(
        "(self.conv1(x)))", "(self.conv1(x))))", 1
    )
    assert other != CLASSES
    assert compare(tmp_path, other, CLASSES).differs == ()


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (("F.relu(out + self.shortcut(x))", "F.relu(out) + self.shortcut(x)"), "BasicBlock"),
        (("expansion = 4", "expansion = 2"), "Bottleneck"),
        (("num_classes=10", "num_classes=100"), "ResNet"),
        (("[2, 2, 2, 2]", "[3, 4, 6, 3]"), "ResNet18"),
    ],
)
def test_a_change_that_was_not_saved_is_named(tmp_path, change, name):
    running = CLASSES.replace(*change, 1)
    assert running != CLASSES
    assert compare(tmp_path, CLASSES, running).differs == (name,)


def test_a_helper_that_was_not_saved_is_named(tmp_path):
    helper = HEAD + "\n\n\ndef bn(planes):\n    return nn.BatchNorm2d(planes{})\n\n\n"
    classes = CLASSES.removeprefix(HEAD).replace("nn.BatchNorm2d(planes)", "bn(planes)")
    found = compare(tmp_path, helper.format("") + classes, helper.format(", eps=1e-3") + classes)
    assert found.differs == ("bn",)


def test_a_stub_in_the_file_differs_from_what_runs(tmp_path):
    stub = "class Bottleneck(nn.Module):\n    def __init__(self):\n        raise NotImplementedError\n"
    file = CLASSES + "\n\n" + stub
    found = compare(tmp_path, file, CLASSES)
    assert found.differs == ("Bottleneck",)
    assert "! `Bottleneck`: the code that runs here is not the code in the saved file resnet.ipynb." in found.warnings(
        "resnet.ipynb"
    )


def test_a_name_that_is_missing_is_explained(tmp_path):
    found = compare(tmp_path, CLASSES.replace("Bottleneck", "BottleNeck"), CLASSES)
    assert list(found.missing) == ["Bottleneck"]
    assert "the name must be exactly `Bottleneck`" in found.warnings("resnet.ipynb")


def test_what_stands_below_the_line_that_needs_it_is_told(tmp_path):
    path = tmp_path / "resnet.ipynb"
    cells = [CLASSES.removeprefix(HEAD), HEAD]
    nbformat.write(nbformat.v4.new_notebook(cells=list(map(nbformat.v4.new_code_cell, cells))), path)
    found = inspect_file(path, kernel(CLASSES), PUBLIC)
    assert (found.missing, found.differs) == ({}, ())
    told = found.warnings("resnet.ipynb")
    assert told.startswith("! cell 1, line 4: `nn` is needed here, but gets its value further down, in cell 2, line 1")
    assert told.endswith("The grader ran it first.")


def test_a_file_that_runs_from_top_to_bottom_has_no_warnings(tmp_path):
    assert compare(tmp_path, CLASSES, CLASSES).warnings("resnet.ipynb") == ""


def test_a_file_without_code_is_refused(tmp_path):
    path = tmp_path / "resnet.ipynb"
    path.write_text("")
    with pytest.raises(UnreadableSubmission, match=r"resnet\.ipynb"):
        inspect_file(path, {}, PUBLIC)


def test_the_file_is_judged_and_not_the_kernel(tmp_path):
    wrong = CLASSES.replace("F.relu(out + self.shortcut(x))", "F.relu(out) + self.shortcut(x)", 1)
    found = inspect_file(saved(tmp_path, wrong), kernel(CLASSES), PUBLIC)
    promised = run_checks("q1", kernel(wrong))
    assert [o.points for o in found.outcomes["q1"]] == [o.points for o in promised.outcomes]
    assert (
        "q1 BasicBlock: 3 of 10 checks pass, 4 of 15 points or more: graders charge a mistake once" in found.forecast()
    )
    assert "q2 Bottleneck: all 10 checks pass, 15 of 15 points" in found.forecast()


def test_the_second_slice_is_judged_where_it_earns_more(tmp_path):
    """As graders do: the names that the classes had when they were defined."""
    later = "import math as F\n"
    found = inspect_file(saved(tmp_path, CLASSES + later), kernel(CLASSES), PUBLIC)
    assert found.differs == ()
    assert not [outcome for mine in found.outcomes.values() for outcome in mine if outcome.points < outcome.possible]
