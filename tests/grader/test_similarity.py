"""Copies of well-known implementations, and of other submissions, are told to the teaching assistant; no points."""

import functools
import re
from pathlib import Path

import pytest
import torchvision

from autograder.grading.grade import Grader
from autograder.grading.similar import LEAST, similar_pairs
from autograder.maintain.build import solved_source
from autograder.maintain.gallery import complete
from autograder.maintain.samples import GALLERY, entries
from autograder.submission.reading import Reading, read_source
from autograder.submission.similarity import closest_source
from autograder.submission.upload import Upload
from tests.grader.class_runs import grade_quickly, run

HEAD = "from collections.abc import Callable\nfrom typing import *\nimport torch\nfrom torch import Tensor, nn\n\n"
TAIL = "\n\ndef ResNet18():\n    return ResNet(BasicBlock, [2, 2, 2, 2], num_classes=10)\n"


@pytest.fixture(scope="module")
def copy() -> str:
    """The classes of torchvision's ResNet as a submission."""
    source = (Path(torchvision.__file__).parent / "models" / "resnet.py").read_text()
    return f"{HEAD}{source[source.index('def conv3x3') : source.index('def _resnet(')]}{TAIL}"


def edited(copy: str) -> str:
    """Adapted to the question: another stem, no max-pool, other names, no comments."""
    changes = {
        "kernel_size=7, stride=2, padding=3": "kernel_size=3, stride=1, padding=1",
        "        x = self.maxpool(x)\n": "",
        "        self.maxpool = nn.MaxPool2d(kernel_size=3, stride=2, padding=1)\n": "",
        "inplanes": "in_planes",
        "downsample": "shortcut",
        "zero_init_residual: bool = False": "zero_init_residual=False",
    }
    for before, after in changes.items():
        assert before in copy
        copy = copy.replace(before, after)
    return copy


def read(source: str) -> Reading:
    return read_source(Upload("submission.py", {"submission.py": source.encode()}))


def note(source: str) -> str:
    return read(source).similar


def test_a_copy_is_found(copy):
    for source in (copy, edited(copy)):
        assert note(source).endswith(" is also in torchvision.models.resnet.")


def test_one_copied_class_is_found(copy):
    helpers = copy[copy.index("def conv3x3") : copy.index("class BasicBlock")]
    bottleneck = copy[copy.index("class Bottleneck") : copy.index("class ResNet")]
    assert "of the code of `Bottleneck`" in note(f"{solved_source()}\n\n{HEAD}{helpers}{bottleneck}")


def test_right_answers_are_no_copies():
    names = sorted(path.stem for path in (GALLERY / "right").glob("*.py"))
    assert len(names) > 40
    chosen = ["torchvision_style", "passed_downsample", *names[::6]]  # two that look much alike, and some others
    assert not any(note(complete(entries()[name], solved_source())) for name in chosen)
    assert note(solved_source()) == ""


def test_what_is_nested_deeply_is_left_out():
    assert closest_source(read(f"class ResNet:\n    x = {'(' * 60}1{')' * 60}\n").slice) == ""


def test_the_result_tells_the_teaching_assistant(copy, zygote, tmp_path):
    path = tmp_path / "copy.py"
    path.write_text(edited(copy))
    with Grader(zygote=zygote) as grader:
        result = grader.grade(path, only=["q2"])
    assert len(result.notes) == 1
    assert "torchvision.models.resnet" in result.notes[0]
    assert not any("torchvision" in problem for problem in result.problems)


RENAMED = {
    "conv1": "first",
    "conv2": "second",
    "bn1": "norm_a",
    "in_planes": "channels",
    "self": "me",
    "out": "y",
    "_stage": "build",
    "blocks": "units",
    "shortcut": "skip",
}


def renamed(source: str) -> str:
    """A copy that somebody disguised: other names, other comments, the first lines of each docstring gone."""
    for before, after in RENAMED.items():
        source = re.sub(rf"\b{before}\b", after, source)
    return re.sub(r"\n( +)(return .*)", r"\n\n\1# done\n\1\2  # my own idea", source)


def sketches(**sources: str) -> dict[str, frozenset[int]]:
    return {name: frozenset(read(source).sketch) for name, source in sources.items()}


@functools.cache
def gallery() -> dict[str, str]:
    """The right answers that share no code with the solution."""
    solution = solved_source()
    right = {name: entry for name, entry in entries().items() if entry.right}
    return {name: entry.source for name, entry in right.items() if complete(entry, solution) == entry.source}


def test_a_disguised_copy_is_found_and_right_answers_alone_are_none():
    assert len(gallery()) > 20
    original = min(gallery())
    found = similar_pairs(sketches(copy=renamed(gallery()[original]), **gallery()))
    made_from_one_text = {entry.name for entry in entries().values() if entry.path.name == "right.diff"}
    assert set(found[0].names) == {"copy", original}
    assert all(made_from_one_text.issuperset(pair.names) for pair in found[1:])
    assert found[0].share > LEAST
    assert found[0].alone > 0.5


def test_what_everybody_has_comes_last():
    """Of pairs that are equally alike, those are first that share what no other has."""
    parts = {"a": {1, 2, 3, 4}, "b": {1, 2, 3, 4}, "c": {1, 2, 3, 4}, "d": {7, 8, 9}, "e": {7, 8, 9}, "f": {1, 9}}
    found = similar_pairs(parts)
    assert [pair.names for pair in found] == [("d", "e"), ("a", "b"), ("a", "c"), ("b", "c")]
    assert [pair.alone for pair in found] == [2 / 3, 0, 0, 0]


def test_the_command_lists_pairs(tmp_path, monkeypatch):
    grade_quickly(monkeypatch)
    folder = tmp_path / "class"
    folder.mkdir()
    for name, source in {
        "anna": gallery()["functional_style"],
        "bert": renamed(gallery()["functional_style"]),
        "carl": solved_source(),
        "dora": "x = (",
    }.items():
        (folder / f"{name}.py").write_text(source)
    assert run("grade", folder, "--out", tmp_path / "results").exit_code == 0
    process = run("similar", tmp_path / "results")
    assert process.exit_code == 0, process.output
    assert process.output.split("\n")[1].split()[-2:] == ["anna", "bert"]
    assert "1 pair of 3 submissions nearly the same after renaming; a hint" in process.output
    assert "not compared, no code that can be read: dora" in process.output
    folder.rename(tmp_path / "moved")
    assert "anna, bert, carl, dora" in run("similar", tmp_path / "results").output
    process = run("similar", tmp_path / "results", "--submissions", tmp_path / "moved")
    assert "1 pair of 3 submissions" in process.output
