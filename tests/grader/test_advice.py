"""Exceptions that PyTorch raises about something else than the mistake come with a hint."""

from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from autograder.student.message import CheckFailure, Message
from autograder.student.probe import make_probe
from autograder.submission.advice import hint_for
from autograder.submission.execute import text_of
from autograder.suite.explain import explain

x = torch.ones(1, 3, 4, 4)


class BasicBlock(nn.Module):
    def _init_(self, in_planes, planes, stride=1):
        super().__init__()


class NoSelf(nn.Module):
    def forward(x):
        return x


class Another(nn.Module):
    def __init__(self):
        super(BasicBlock, self).__init__()


class NoParentheses(nn.Module):
    def __init__(self):
        super.__init__()


class OnlyInside(nn.Module):
    def __init__(self, layer=None):
        super().__init__()
        self.conv = conv()
        if layer is not None:
            self.conv = layer

    def forward(self, x):
        return x + self.shortcut(x)


def conv() -> nn.Module:
    return nn.Conv2d(3, 3, 1)


one_tuple: Any = (conv(),)
one_list: Any = [conv()]
WRONG = {
    "list for Sequential": (lambda: nn.Sequential([conv()]), "nn.Sequential(*layers)"),
    "tuple for Sequential": (lambda: nn.Sequential((conv(),)), "nn.Sequential(*layers)"),
    "class for layer": (lambda: nn.Sequential(conv(), nn.ReLU), "nn.ReLU()"),
    "function for layer": (lambda: nn.Sequential(conv(), F.relu), "nn.ReLU()"),
    "ReLU to convolution": (lambda: conv()(nn.ReLU(x)), "F.relu(x) computes"),
    "ReLU to BatchNorm": (lambda: nn.BatchNorm2d(3)(nn.ReLU(x)), "F.relu(x) computes"),
    "ReLU to linear": (lambda: nn.Linear(3, 3)(nn.ReLU(x)), "F.relu(x) computes"),
    "ReLU to relu": (lambda: F.relu(nn.ReLU(x)), "F.relu(x) computes"),
    "Flatten to view": (lambda: nn.Flatten(x).view(1), "F.relu(x) computes"),
    "Sequential added": (lambda: x + nn.Sequential(), "self.shortcut(x)"),
    "None to convolution": (lambda: conv()(None), "`return`"),
    "None added": (lambda: x + None, "`return`"),
    "None to BatchNorm": (lambda: nn.BatchNorm2d(3)(None), "`return`"),
    "False for dilation": (lambda: nn.Conv2d(3, 3, 3, 1, 1, False)(x), "bias=False by its name"),
    "False for padding": (lambda: nn.Conv2d(3, 3, 3, 1, False)(x), "bias=False by its name"),
    "class called": (lambda: nn.BatchNorm2d(x), "nn.BatchNorm2d(planes)"),
    "divided": (lambda: nn.Conv2d(3, 4 / 2, 3), "//"),
    "comma": (lambda: one_tuple(x), "comma"),
    "list called": (lambda: one_list(x), "nn.Sequential(*layers)"),
    "tensor called": (lambda: x(x), "operator"),
    "near miss": (lambda: BasicBlock(3, 3, 1), "_init_"),
    "near miss by name": (lambda: BasicBlock(3, 3, stride=1), "_init_"),
    "no self": (lambda: NoSelf()(x), "def forward(self, x):"),
    "another class": (lambda: Another(), "super().__init__()"),
    "file beside the notebook": (lambda: torch.load("no/config.pt"), "write the values that it reads from a file"),
    "gradient to keep": (lambda: x.retain_grad(), "if out.requires_grad"),
    "super without parentheses": (lambda: NoParentheses(), "super().__init__()"),
    "Sequential without parentheses": (lambda: nn.Sequential(x), "as in nn.Sequential()"),
    "block not called": (lambda: nn.Sequential(make_probe()), "block(in_planes, planes, stride)"),
    "own block not called": (lambda: nn.Sequential(BasicBlock), "block(in_planes, planes, stride)"),
    "list for layer": (lambda: OnlyInside(one_list), "nn.Sequential(*layers)"),
    "tensor for layer": (lambda: OnlyInside(x), "without `self.`"),
    "no shortcut": (lambda: OnlyInside()(x), "nn.Sequential() returns its input"),
    "BatchNorm1d": (lambda: nn.BatchNorm1d(3)(x), "nn.BatchNorm2d"),
    "BatchNorm3d": (lambda: nn.BatchNorm3d(3)(x), "nn.BatchNorm2d"),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", WRONG)
def test_hint(name):
    call, words = WRONG[name]
    with pytest.raises((TypeError, AttributeError, RuntimeError, ValueError, OSError)) as raised:
        call()
    assert words in hint_for(str(raised.value)), str(raised.value)


def test_features_that_do_not_fit():
    with pytest.raises(RuntimeError) as raised:
        nn.Linear(3, 2)(torch.ones(1, 12))
    assert "is each stage called" in hint_for(str(raised.value))


@pytest.mark.parametrize(
    "text",
    [
        "name 'planes' is not defined",
        "The size of tensor a (4) must match the size of tensor b (8) at non-singleton dimension 3",
        "Given groups=1, weight of size [64, 64, 3, 3], expected input[2, 128, 8, 8] to have 64 channels",
        "Conv2d.__init__() missing 1 required positional argument: 'kernel_size'",
        "'BasicBlock' object has no attribute 'conv1'",
        "a tuple, not a tensor",
        "nothing (None), not a tensor",
    ],
)
def test_no_hint_where_the_text_says_enough(text):
    assert hint_for(text) == ""


def test_a_layer_in_the_place_of_a_tensor_explains_a_failed_check():
    message = Message("BasicBlock(8, 8) returns a tensor", "a ReLU, not a tensor", "is the stride right?")
    assert "F.relu(x) computes" in explain(CheckFailure(message))[1].hint
    other = Message("BasicBlock(8, 8) returns a tensor", "a tuple, not a tensor", "is the stride right?")
    assert explain(CheckFailure(other))[1].hint == "is the stride right?"


def test_a_misspelled_layer_comes_with_the_names_that_there_are():
    def message_of(call) -> str:
        with pytest.raises(AttributeError) as raised:
            call()
        return text_of(raised.value)

    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv1, self.bn1, self.bn2, self.stride = conv(), conv(), conv(), 1

    asked = "'Block' object has no attribute '{}'; it has conv1, bn1, bn2, stride"
    assert message_of(lambda: Block().bn_2) == f"{asked.format('bn_2')}; is bn2 meant?"
    assert message_of(lambda: Block().zzz) == asked.format("zzz")
    assert message_of(lambda: NoSelf().zzz) == "'NoSelf' object has no attribute 'zzz'"
    assert message_of(lambda: x.zzz) == "'Tensor' object has no attribute 'zzz'"
    many = nn.Module()
    vars(many).update({f"name{n}": n for n in range(20)})
    assert message_of(lambda: many.zzz).endswith("name10, name11, ...")


def test_an_object_that_fights_back_keeps_its_message():
    class Hostile:
        __dict__ = property(lambda self: 1 / 0)

    error = AttributeError("no such thing", name="x", obj=Hostile())
    assert text_of(error) == "no such thing"
