"""A class that is a copy of a well-known implementation is reported to the teaching assistant, and costs no points."""

from pathlib import Path

import pytest
import torchvision

from autograder.grading.grade import Grader
from autograder.maintain.gallery import complete
from autograder.maintain.samples import GALLERY, entries, solution_source
from autograder.submission.reading import Reading, read_source
from autograder.submission.similarity import closest_source
from autograder.submission.upload import Upload

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
    assert "of the code of `Bottleneck`" in note(f"{solution_source()}\n\n{HEAD}{helpers}{bottleneck}")


def test_right_answers_are_no_copies():
    names = sorted(path.stem for path in (GALLERY / "right").glob("*.py"))
    assert len(names) > 40
    chosen = ["torchvision_style", "passed_downsample", *names[::6]]  # two that look much alike, and some others
    assert not any(note(complete(entries()[name], solution_source())) for name in chosen)
    assert note(solution_source()) == ""


def test_what_is_nested_deeply_is_left_out():
    assert closest_source(read(f"class ResNet:\n    x = {'(' * 60}1{')' * 60}\n").slice) == ""


def test_the_result_tells_the_teaching_assistant(copy, tmp_path):
    path = tmp_path / "copy.py"
    path.write_text(edited(copy))
    with Grader() as grader:
        result = grader.grade(path, only=["q2"])
    assert len(result.notes) == 1
    assert "torchvision.models.resnet" in result.notes[0]
    assert not any("torchvision" in problem for problem in result.problems)
