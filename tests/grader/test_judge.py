"""The comparison with the reference, where one check uses what another has found out."""

import pytest
import torch
from torch import nn

from autograder.maintain.build import solved_source
from autograder.oracle import is_right, judge_block
from autograder.oracle.matching import assignments
from autograder.student.local import LocalStudent
from autograder.student.skip_init import SkipInit
from autograder.suite.journal import Journal, Watched
from tests.grader.conftest import student_of


class Block(nn.Module):
    """A basic block without nn.BatchNorm2d, with its vectors in no usual order."""

    expansion = 1
    built = 0
    extra_from_planes = 1000

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        type(self).built += 1
        self.stride = stride
        projection = stride != 1 or in_planes != planes
        self.names = ["last", "first", *(["cut"] if projection else [])]
        for name in self.names:
            self.register_parameter(f"shift_{name}", nn.Parameter(torch.zeros(planes)))
            self.register_parameter(f"scale_{name}", nn.Parameter(torch.zeros(planes)))
            self.register_buffer(f"mean_{name}", torch.zeros(planes))
            self.register_buffer(f"var_{name}", torch.ones(planes))
        self.last = nn.Parameter(torch.randn(planes, planes, 3, 3))
        self.first = nn.Parameter(torch.randn(planes, in_planes, 3, 3))
        if projection:
            self.cut = nn.Parameter(torch.randn(planes, in_planes, 1, 1))
        if planes >= self.extra_from_planes:
            self.unused = nn.Parameter(torch.randn(planes))

    def norm(self, name, x):
        tensors = (getattr(self, f"{kind}_{name}") for kind in ("mean", "var", "scale", "shift"))
        return nn.functional.batch_norm(x, *tensors, training=self.training)

    def forward(self, x):
        out = self.norm("first", nn.functional.conv2d(x, self.first, stride=self.stride, padding=1)).relu()
        out = self.norm("last", nn.functional.conv2d(out, self.last, padding=1))
        shortcut = self.norm("cut", nn.functional.conv2d(x, self.cut, stride=self.stride)) if "cut" in self.names else x
        return (out + shortcut).relu()


class WithMore(Block):
    """From a certain width on it has a parameter that it does not use."""

    extra_from_planes = 12


@pytest.fixture
def tried(monkeypatch):
    """How many assignments of tensors to roles were made up."""
    numbers = []

    def counted(roles, found):
        for names in assignments(roles, found):
            numbers.append(1)
            yield names

    monkeypatch.setattr("autograder.oracle.judge.assignments", counted)
    return numbers


def test_which_tensor_is_which_is_found_out_once(tried):
    student = LocalStudent({"BasicBlock": Block})
    judge_block(student, "BasicBlock", 6, 10, 1, aspect="eval").require()
    assert tried
    tried.clear()
    for shape in ((8, 8, 1), (10, 6, 2)):
        for aspect in ("eval", "train", "gradient"):
            judge_block(student, "BasicBlock", *shape, aspect=aspect).require()
    assert not tried


def test_a_parameter_too_many_is_found_all_the_same():
    student = LocalStudent({"BasicBlock": WithMore})
    judge_block(student, "BasicBlock", 6, 10, 1, aspect="eval").require()
    verdict = judge_block(student, "BasicBlock", 6, 12, 1, aspect="eval")
    assert not verdict.agrees
    assert "unused" in verdict.message.got


def test_one_module_is_enough_for_all_that_is_right():
    Block.built = 0
    journal = Journal()
    student = Watched(LocalStudent({"BasicBlock": Block}), journal)
    for aspect in ("eval", "train", "gradient"):
        journal.current = aspect
        judge_block(student, "BasicBlock", 6, 10, 2, aspect=aspect).require()
    assert Block.built == 1
    assert journal.names == {aspect: {"BasicBlock"} for aspect in ("eval", "train", "gradient")}


class Scaled(Block):
    """It is wrong at a stride of 2, in one of the modes."""

    def forward(self, x):
        return super().forward(x) * (2 if self.stride == 2 and self.training is self.wrong else 1)


@pytest.mark.parametrize("wrong", [False, True])
def test_a_block_is_looked_at_once_and_none_after_a_wrong_one(wrong):
    student = LocalStudent({"BasicBlock": Scaled})
    Scaled.wrong, Scaled.built = wrong, 0
    wrong_mode, right_mode = ("train", "eval") if wrong else ("eval", "train")
    before = torch.get_rng_state()
    for _ in range(2):
        assert is_right(student, "BasicBlock", 6, 10, 1, mode=wrong_mode)
        assert not is_right(student, "BasicBlock", 6, 10, 2, mode=wrong_mode)
        assert not is_right(student, "BasicBlock", 8, 10, 1, mode=wrong_mode)
    assert Scaled.built == 2
    for arguments in ((6, 10, 1), (6, 10, 2), (8, 10, 1), (8, 10)):
        assert is_right(student, "BasicBlock", *arguments, mode=right_mode)
    assert Scaled.built == 5  # without a stride it is another call
    assert torch.equal(torch.get_rng_state(), before)
    judge_block(student, "BasicBlock", 8, 10, 1, aspect="train" if wrong else "eval").require()
    assert not judge_block(student, "BasicBlock", 6, 10, 2, aspect="train" if wrong else "eval").agrees


@pytest.mark.parametrize(
    "draw",
    ["weight = torch.randn(64, 64)", "weight.normal_()", "weight.uniform_(-3, 3)", "weight = torch.rand(64, 64)"],
)
def test_a_skeleton_whose_code_draws_until_it_likes_the_numbers(draw, tmp_path):
    source = f"""
import torch
from torch import nn
class BasicBlock(nn.Module):
    def __init__(self):
        super().__init__()
        weight = torch.zeros(64, 64)
        while not 0.2 < weight.std() < 4:
            {draw}
            weight = weight.detach()
        self.weight = nn.Parameter(weight)
"""
    built = student_of(source, tmp_path)
    assert [tuple(p.shape) for p in built.skeleton("BasicBlock").parameters()] == [(64, 64)]


@pytest.mark.parametrize("fill", [nn.init.orthogonal_, nn.init.kaiming_normal_, nn.init.trunc_normal_])
def test_a_skeleton_draws_nothing(fill):
    weight = nn.Parameter(torch.full((4, 4, 3, 3), 7.0))
    with SkipInit():
        getattr(nn.init, fill.__name__)(weight)
        assert bool((weight == 7).all())
    assert getattr(nn.init, fill.__name__) is fill
    fill(weight)
    assert not bool((weight == 7).any())


@pytest.mark.parametrize(
    ("layer", "extra"),
    [
        ("nn.Conv2d(planes, planes, 5, padding=2)", "conv2.weight (12, 12, 5, 5), conv2.bias (12,)"),
        ("nn.Conv2d(planes, planes, 3, padding=1)", "conv2.bias (12,)"),
    ],
)
def test_the_parameter_that_is_too_many_is_that_of_the_wrong_layer(layer, extra, tmp_path):
    """A BatchNorm has a bias of the same shape, which is right."""
    line = "nn.Conv2d(planes, planes, kernel_size=3, stride=1, padding=1, bias=False)"
    source = solved_source()
    assert line in source
    (tmp_path / "resnet.py").write_text(source.replace(line, layer, 1))
    for stride in (1, 2):
        student = LocalStudent.from_file(tmp_path / "resnet.py")
        verdict = judge_block(student, "BasicBlock", 8, 12, stride, aspect="eval")
        assert verdict.message.got.endswith(f"not expected: {extra}")
