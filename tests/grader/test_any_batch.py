"""A module whose answer depends on the question is found out, whatever it looks at."""

import pytest
import torch
from torch import nn

from autograder.student.message import CheckFailure
from autograder.suite.any_batch import assert_same_on_any_batch, batches, is_stable


class Reference(nn.Sequential):
    def __init__(self):
        super().__init__(nn.Conv2d(3, 4, 3, 2, 1, bias=False), nn.BatchNorm2d(4), nn.ReLU())


class Student(Reference):
    """Right, unless the condition holds."""

    def __init__(self, condition):
        super().__init__()
        self.condition, self.calls, self.trained = condition, 0, False

    def forward(self, x):
        self.calls, self.trained = self.calls + 1, self.trained or self.training
        y = super().forward(x)
        return 0 * y if self.condition(self, x) else y


CONDITIONS = {
    "8 images or more": lambda self, x: len(x) >= 8,
    "16 images": lambda self, x: len(x) == 16,
    "one image": lambda self, x: len(x) == 1,
    "many images in train mode": lambda self, x: self.training and len(x) > 2,
    "a small spread": lambda self, x: x.std() < 0.1,
    "a constant": lambda self, x: x.min() == x.max(),
    "zeros": lambda self, x: (x == 0).float().mean() > 0.5,
    "no negative value": lambda self, x: len(x) > 1 and x.min() >= 0,
    "many zeros": lambda self, x: len(x) > 1 and (x == 0).float().mean() > 0.4,
    "large values": lambda self, x: x.abs().max() > 20,
    "after a training": lambda self, x: self.trained and not self.training,
    "the third call": lambda self, x: self.calls == 3,
    "an odd height": lambda self, x: x.shape[2] % 2 == 1,
    "equal BatchNorm weights": lambda self, x: self[1].weight.std() > 0,
}


def judge(student: nn.Module, otherwise=lambda: None) -> None:
    torch.manual_seed(1)
    given = {**batches(3, 8, 6), "odd": torch.randn(2, 3, 7, 5)}
    assert_same_on_any_batch(student, Reference(), given, "Student()", otherwise)


SAID = {
    "after a training": "in eval mode, after passes in train mode, Student",
    "equal BatchNorm weights": "in eval mode, Student.. computes the function that the question asks for",
}


@pytest.mark.parametrize("name", CONDITIONS)
def test_an_answer_that_depends_on_the_question_is_found_out(name):
    with pytest.raises(CheckFailure, match=SAID.get(name, "computes the same function of")):
        judge(Student(CONDITIONS[name]))


@pytest.mark.parametrize(
    ("option", "value", "said"),
    [("momentum", 0.5, "in eval mode, after passes"), ("eps", 1e-2, "in eval mode, Student.. computes the function")],
)
def test_where_every_batch_differs_the_batch_is_not_the_reason(option, value, said):
    student = Student(lambda self, x: False)
    setattr(student[1], option, value)
    with pytest.raises(CheckFailure, match=said):
        judge(student)


def test_the_same_function_passes():
    judge(Student(lambda self, x: False))


def test_another_reason_comes_first():
    def otherwise():
        raise ValueError("no ReLU")

    with pytest.raises(ValueError, match="no ReLU"):
        judge(Student(lambda self, x: True), otherwise)


class Amplifies(nn.Module):
    """Channels whose values differ by little more than rounding, and their BatchNorm."""

    def __init__(self):
        super().__init__()
        self.norm = nn.BatchNorm2d(3)

    def forward(self, x):
        return self.norm(x * 1e-3 + 1000)


def test_a_batch_whose_rounding_shows_is_not_compared():
    torch.manual_seed(1)
    assert not is_stable(Amplifies(), torch.randn(2, 3, 8, 6))
    assert all(is_stable(Reference(), x) for name, x in batches(3, 8, 6).items() if "equal values" not in name)


class Exact(Amplifies):
    """Computes in double precision what `Amplifies` computes."""

    def forward(self, x):
        y = (x * 1e-3 + 1000) if not self.training else x.double() * 1e-3 + 1000
        if not self.training:
            return self.norm(y)
        self.norm(y.float())  # its running statistics
        scaled = nn.functional.batch_norm(y, None, None, self.norm.weight.double(), self.norm.bias.double(), True)
        return scaled.float()


def test_rounding_costs_nothing():
    torch.manual_seed(1)
    x, otherwise = torch.randn(2, 3, 8, 6), pytest.fail
    exact, single = Exact()(x), Amplifies()(x)
    assert float((exact - single).abs().max()) > 1e-3 * float(exact.abs().max())
    assert_same_on_any_batch(Exact(), Amplifies(), {"one image": x}, "a block", otherwise)
