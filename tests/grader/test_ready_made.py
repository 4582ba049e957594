"""Ready-made networks cannot be reached from student code, however it asks for them; torchvision itself can be used."""

import pytest
import torch

from autograder.maintain.build import solved_source
from autograder.sandbox.ready_made import withhold
from autograder.sandbox.remote_student import RemoteStudent
from autograder.student.local import NotDefined
from autograder.submission import find_delegation, read_submission, slice_submission
from autograder.submission.slice import NOT_COMPILED

WAYS = {
    "alias": "import torchvision\nT = torchvision\nR = T.models.resnet",
    "sys.modules": "import sys, torchvision\nR = sys.modules['torch' + 'vision.models.resnet']",
    "default argument": "import torchvision\ndef f(m=torchvision):\n    return m.models.resnet\nR = f()",
    "importlib": "import importlib\nR = importlib.import_module('torch' 'vision.models.resnet')",
    "timm": "import timm\nR = getattr(timm, 'models')",
    "without the finder": "import sys\ndel sys.meta_path[0]\n"
    "for name in [n for n in sys.modules if n.startswith('torchvision')]:\n    del sys.modules[name]\n"
    "import torchvision.models.resnet as R",
    "source": "import torch, types, pathlib\nR = types.ModuleType('torchvision.models.resnet')\n"
    "exec((pathlib.Path(torch.__file__).parents[1] / 'torchvision/models/resnet.py').read_text(), vars(R))",
}


def student(source: str, tmp_path, zygote) -> RemoteStudent:
    path = tmp_path / "submission.py"
    path.write_text(source, encoding="utf-8")
    return RemoteStudent(slice_submission(read_submission(path)), zygote=zygote)


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)
def test_a_ready_made_network_is_out_of_reach(way, tmp_path, zygote):
    source = f"{way}\n\nclass ResNet(R.ResNet):\n    pass\n\ndef ResNet18():\n    return R.resnet18(num_classes=10)\n"
    with student(source, tmp_path, zygote) as remote:
        assert remote.problems
        with pytest.raises(NotDefined):
            remote.ResNet(remote.probe(), [1, 1, 1, 1])


def test_the_student_is_told_why(tmp_path, zygote):
    with student(f"{WAYS['alias']}\nclass ResNet(R.ResNet):\n    pass\n", tmp_path, zygote) as remote:
        (problem,) = remote.problems
        assert "`torchvision.models.resnet.ResNet` is ready-made" in problem
        assert "your own code" in problem


def test_the_rest_of_torchvision_works(tmp_path, zygote):
    source = (
        solved_source()
        + "\n"
        + (
            "import torchvision\nimport torchvision.transforms as T\nfrom torchvision import datasets, models, ops\n"
            "from torchvision.models.resnet import conv3x3\n"
            "from timm.models.layers import trunc_normal_\nResNet.drawn = trunc_normal_(torch.empty(3))\n"
            "ResNet.is_theirs = issubclass(ResNet, (models.ResNet, models.resnet.Bottleneck))\n"
            "ResNet.augment = T.Compose([T.RandomCrop(32, padding=4), T.ToTensor()])\n"
            "ResNet.convolution = conv3x3(3, 64)\nResNet.version = torchvision.__version__\n"
        )
    )
    with student(source, tmp_path, zygote) as remote:
        assert remote.problems == []
        assert remote.ResNet(remote.probe(), [1, 1, 1, 1])


REGISTERED = [
    ("from torchvision.models import register_model", "register_model()"),
    ("from torchvision.models import register_model", "register_model(name='my_resnet')"),
    ("from torchvision import models", "models.register_model('my_resnet')"),
    ("from torchvision.models._api import register_model", "register_model()"),
    ("from torchvision.models._utils import handle_legacy_interface", "handle_legacy_interface(weights=('p', None))"),
    ("from timm.models.registry import register_model", "register_model"),
    ("from timm.models import register_model", "register_model"),
    ("import timm", "timm.models.register_model"),
]


@pytest.mark.parametrize(("imported", "decorator"), REGISTERED)
def test_a_decorator_that_registers_is_no_network(imported, decorator, tmp_path, zygote):
    source = solved_source().replace("def ResNet18(", f"{imported}\n\n\n@{decorator}\ndef ResNet18(")
    with student(source, tmp_path, zygote) as remote:
        assert remote.problems == []
        assert remote.ResNet18()
    assert find_delegation(slice_submission(read_submission(tmp_path / "submission.py"))) == {}


def test_compiling_leaves_the_code_as_it_is(tmp_path, zygote):
    source = (
        solved_source()
        + "\n"
        + (
            "ResNet.forward = torch.compile(ResNet.forward)\n"
            "BasicBlock.forward = torch.compile(mode='max-autotune')(BasicBlock.forward)\n"
            "_init = ResNet.__init__\n"
            "def __init__(self, *args, **kwargs):\n    _init(self, *args, **kwargs)\n    self.compile()\n"
            "ResNet.__init__ = __init__\n"
        )
    )
    with student(source, tmp_path, zygote) as remote:
        assert remote.problems == []
        assert NOT_COMPILED in remote._slice.problems
        assert remote.ResNet18()(torch.randn(2, 3, 32, 32)).shape == (2, 10)


def test_what_is_withheld_is_cut_out_and_nothing_else(tmp_path):
    packages = tmp_path / "lib" / "python3.12" / "site-packages"
    for name in ("torchvision/models/resnet.py", "torchvision/ops/boxes.py", "timm/__init__.py", "torch/nn.py"):
        (packages / name).parent.mkdir(parents=True, exist_ok=True)
        (packages / name).write_text("")
    (packages / "six.py").write_text("")
    readable, listable = withhold([tmp_path / "lib", packages / "torch"])
    assert listable == [tmp_path / "lib"]
    inside = {path.relative_to(packages).as_posix() for path in readable}
    assert inside == {"torchvision/ops", "torch", "six.py"}
