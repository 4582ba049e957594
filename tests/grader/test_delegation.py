"""A ready-made ResNet is found and said; other mentions of torchvision are left alone."""

import pytest

from autograder.grading.grade import Grader
from autograder.maintain.build import solved_source
from autograder.maintain.gallery import complete
from autograder.maintain.samples import entries
from autograder.submission import find_delegation, read_submission, slice_submission

BLOCKS = """
import torch, torchvision
import torch.nn as nn
class BasicBlock(nn.Module):
    expansion = 1
class Bottleneck(nn.Module):
    expansion = 4
class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
"""
END = "\ndef ResNet18():\n    return ResNet(BasicBlock, [2, 2, 2, 2])\n"


def delegated(tmp_path, source: str) -> dict[str, str]:
    path = tmp_path / "submission.py"
    path.write_text(source)
    return find_delegation(slice_submission(read_submission(path)))


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("from torchvision.models.resnet import BasicBlock\n" + BLOCKS.replace("class BasicBlock", "class B") + END,
         {"BasicBlock"}),
        (BLOCKS + "import timm\ndef ResNet18():\n    return timm.create_model('resnet18')\n", {"ResNet18"}),
        (BLOCKS + "def ResNet18():\n    return torch.hub.load('pytorch/vision', 'resnet18')\n", {"ResNet18"}),
        (BLOCKS + "def ResNet18():\n    return torchvision.models.resnet18()\n", {"ResNet18"}),
        (BLOCKS + "def ResNet18():\n    from torchvision import models as m\n    return m.resnet18()\n", {"ResNet18"}),
        (BLOCKS + "import torchvision.models.resnet as r\nBottleneck = r.Bottleneck\n" + END, {"Bottleneck"}),
        (BLOCKS + "from torchvision.models import resnet\nclass ResNet(resnet.ResNet):\n    pass\n" + END, {"ResNet"}),
        (BLOCKS + "from torchvision.models import resnet18\ndef helper():\n    return resnet18()\n"
         "def ResNet18():\n    return helper()\n", {"ResNet18"}),
        (BLOCKS + "import importlib\ndef ResNet18():\n"
         "    return importlib.import_module('torchvision.models').resnet18()\n", {"ResNet18"}),
        (BLOCKS + "class Maker:\n    def make(self):\n        return torchvision.models.resnet18()\n"
         "def ResNet18():\n    return Maker().make()\n", {"ResNet18"}),
        (BLOCKS + "class Maker:\n    def make(self):\n        return torchvision.models.resnet18()\n"
         "def ResNet18():\n    return getattr(Maker(), 'make')()\n", {"ResNet18"}),
        (BLOCKS + "class Maker:\n    @staticmethod\n    def __call__():\n        return torchvision.models.resnet18()\n"
         "def ResNet18():\n    return Maker()()\n", {"ResNet18"}),
        ("from torchvision.models import ResNet\n" + BLOCKS.replace("class ResNet(nn.Module)", "class ResNet(ResNet)")
         + END, {"ResNet"}),
        (BLOCKS + END + "from torchvision.models import ResNet\n", {"ResNet"}),
        (BLOCKS + "def make(own=False, ready=False):\n    if ready:\n        return torchvision.models.resnet18()\n"
         "def ResNet18():\n    return make(ready=True)\n", {"ResNet18"}),
    ],
)  # fmt: skip
def test_ready_made_network_is_found(tmp_path, source, names):
    found = delegated(tmp_path, source)
    assert found.keys() == names
    assert all("line" in where for where in found.values())


@pytest.mark.parametrize(
    "extra",
    [
        "",
        "import torchvision.transforms as T\naugment = T.RandomHorizontalFlip()\n",
        "from torchvision import datasets, models, transforms\nmodel = models.resnet18()\n",
        "from torchvision.models import resnet18\nreference = resnet18()\nprint(reference)\n",
        "from torchvision.models.resnet import conv3x3\nBasicBlock.conv = conv3x3\n",
        "models = {'resnet18': 1}\nBasicBlock.models = models\n",
        "def load(n, url):\n    n.load_state_dict(torch.hub.load_state_dict_from_url(url))\nBasicBlock.load = load\n",
        "from torchvision.models import ResNet18_Weights as W\nBasicBlock.weights = W.DEFAULT\n",
        "from torchvision import models\nBasicBlock.weights = models.ResNet18_Weights.DEFAULT\n",
        "def head(net: torchvision.models.ResNet) -> 'ResNet':\n    return net\nBasicBlock.head = head\n",
        "from timm.models.layers import trunc_normal_\nBasicBlock.draw = trunc_normal_\n",
        "class BasicBlock(BasicBlock):\n    def is_one(self):\n"
        "        return isinstance(self, (BasicBlock, torchvision.models.resnet.BasicBlock))\n",
        "class BasicBlock(BasicBlock):\n    def compare(self):\n        return torchvision.models.resnet18()\n",
        "class BasicBlock(BasicBlock):\n    @torch.no_grad()\n    def compare(self):\n"
        "        return torchvision.models.resnet18()\n",
        "class BasicBlock(BasicBlock):\n    def _load(self):\n        return torchvision.models.resnet18()\n",
        "def make(pretrained=False):\n    if pretrained:\n        return torchvision.models.resnet18()\n"
        "BasicBlock.make = make\n",
    ],
)
def test_other_mentions_are_fine(tmp_path, extra):
    assert delegated(tmp_path, BLOCKS + extra + END) == {}


def test_an_import_that_the_students_own_class_replaces_is_fine(tmp_path):
    ready = "from torchvision.models.resnet import BasicBlock, ResNet, resnet18 as ResNet18\n"
    assert delegated(tmp_path, ready + BLOCKS + END) == {}


HUB = "    if not torch.cuda.device_count() < 0:\n        return torch.hub.load('pytorch/vision', 'resnet18')\n"


@pytest.mark.parametrize(
    ("begin", "end", "points"),
    [
        ("", "", 30),
        ("    if len(sys.argv) > 99:\n        return torchvision.models.resnet18(num_classes=10)\n", "", 30),
        ("    if sys.argv:\n        return vars(torchvision)['mod' + 'els'].resnet18(num_classes=10)\n", "", 0),
        (HUB, "", 0),
        ("", "from torchvision.models import ResNet  # to compare\n", 30),
    ],
    ids=["mentioned", "never reached", "reached", "hub", "after the definitions"],
)
def test_what_counts_is_what_runs(zygote, tmp_path, begin, end, points):
    """The search in the text may err on both sides; in the sandbox nothing ready-made can run unseen."""
    source = solved_source().replace("def ResNet18():\n", f"def ResNet18():\n{begin}", 1)
    assert begin in source
    path = tmp_path / "entry.py"
    path.write_text(f"import sys\nimport torchvision\n{source}\n{end}")
    with Grader(zygote=zygote) as grader:
        grade = grader.grade(path, only=["q2", "q3"])
    assert (grade.questions["q2"].score, grade.questions["q3"].score) == (25, points)


def test_delegation_earns_nothing_in_its_question_alone(zygote, tmp_path):
    path = tmp_path / "entry.py"
    path.write_text(complete(entries()["q3_torchvision"], solved_source()))
    with Grader(zygote=zygote) as grader:
        grade = grader.grade(path, only=["q2", "q3"])
    assert all(outcome.points == outcome.possible for outcome in grade.of_question("q2"))
    for outcome in grade.of_question("q3"):
        assert (outcome.points, outcome.outcome) == (0, "failed")
        assert "`torchvision.models.resnet18`" in outcome.message.got
