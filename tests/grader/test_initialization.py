"""Fresh weights: PyTorch's own draws pass, any other distribution is told from them, in words."""

import math

import pytest
import torch
from torch import nn

from autograder.maintain.gallery import complete
from autograder.maintain.samples import entries, solution_source
from autograder.oracle import initialization
from autograder.oracle.initialization import distance_to_uniform, find_difference, largest_distance, smallest_maximum
from autograder.student.local import LocalStudent
from autograder.submission import Cell, Submission, execute, slice_submission

pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def build():
    """`ResNet18` of the solution."""
    return LocalStudent(definitions(solution_source()), {}).ResNet18


def definitions(source):
    namespace = {}
    execute(slice_submission(Submission("entry.py", "0" * 64, (Cell("entry.py", source),))), namespace)
    return namespace


@pytest.fixture(scope="module")
def two(build):
    torch.manual_seed(4)
    return build().state_dict(), build().state_dict()


@pytest.fixture
def draws(two):
    """Two states to change: tensors are shared between tests, so put others in their place."""
    return tuple(map(dict, two))


def test_own_draws_of_pytorch_pass(build):
    for seed in range(3):
        torch.manual_seed(seed)
        assert find_difference(build().state_dict(), build().state_dict()) == ""


def test_names_and_order_are_free(draws):
    renamed = [{f"t{i}": value for i, value in enumerate(reversed(list(draw.values())))} for draw in draws]
    assert find_difference(*renamed) == ""


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("zero_init_residual", "not every BatchNorm of 64 channels starts with gamma = 1"),
        ("initialised_by_apply", "not every BatchNorm"),
        ("torchvision_style", "the tensor of shape (64, 3, 3, 3) is not uniform between ±0.1925"),
        ("functional_style", "is not uniform"),
        ("pointwise_linear", "it has 1 tensors of shape (128, 64), ResNet-18 has 0"),
    ],
)
def test_right_networks_with_other_weights_are_different(name, words):
    build = definitions(complete(entries()[name], solution_source()))["ResNet18"]
    assert words in find_difference(build().state_dict(), build().state_dict())


def redrawn(draw, kernel, init):
    """The draw with `init` applied to copies of the tensors of that shape."""
    changed = {name: value.clone() for name, value in draw.items() if tuple(value.shape) == kernel}
    for value in changed.values():
        init(value)
    return draw | changed


@pytest.mark.parametrize(
    "init",
    [
        nn.init.kaiming_normal_,
        lambda w: nn.init.kaiming_normal_(w, mode="fan_out", nonlinearity="relu"),
        nn.init.kaiming_uniform_,
        nn.init.xavier_uniform_,
        nn.init.orthogonal_,
        nn.init.zeros_,
        lambda w: w.mul_(0.95),
        lambda w: w.abs_(),
        lambda w: w.copy_(w**3 / w.abs().max() ** 2),
        lambda w: w.copy_(w[:1].clone()),
    ],
    ids=[
        "normal",
        "fan_out",
        "uniform",
        "xavier",
        "orthogonal",
        "zeros",
        "narrower",
        "positive",
        "bunched",
        "one_filter",
    ],
)
@pytest.mark.parametrize("kernel", [(64, 3, 3, 3), (10, 512), (128, 64, 1, 1)], ids=["stem", "head", "shortcut"])
def test_one_other_layer_is_enough(draws, kernel, init):
    assert str(kernel) in find_difference(*(redrawn(draw, kernel, init) for draw in draws))


def test_both_draws_are_looked_at(draws):
    first, second = draws
    assert "not uniform" in find_difference(first, redrawn(second, (64, 3, 3, 3), lambda w: w.mul_(3)))


def test_the_same_weights_twice_are_no_draw(draws):
    first, second = draws
    assert "in common" in find_difference(first, first)
    name = next(name for name, value in first.items() if value.shape == (512, 256, 1, 1))
    second[name] = -first[name]
    assert "(512, 256, 1, 1)" in find_difference(first, second)


def test_layers_that_are_copies_are_no_draws(draws):
    first, second = draws
    one, other = [name for name, value in first.items() if value.shape == (64, 64, 3, 3)][:2]
    first[other] = first[one].clone()
    assert "(64, 64, 3, 3) that are drawn separately have values in common" in find_difference(first, second)


def test_filters_that_repeat_are_told(draws):
    def in_pairs(weight):
        weight[1::2] = weight[::2].clone()

    pairs = [redrawn(draw, (64, 64, 3, 3), in_pairs) for draw in draws]
    assert find_difference(*pairs) == "the filters of the tensor of shape (64, 64, 3, 3) depend on each other"


def test_few_values_in_common_are_told(draws):
    first, second = draws
    name = next(name for name, value in first.items() if value.shape == (10,))
    assert "(10,) that are drawn separately" in find_difference(first, second | {name: first[name]})


def test_missing_and_extra_tensors_are_told(draws):
    first, second = draws
    short = {name: value for name, value in second.items() if value.shape != (512, 256, 1, 1)}
    assert find_difference(first, short) == "it has 0 tensors of shape (512, 256, 1, 1), ResNet-18 has 1"
    assert (
        find_difference(first | {"more": torch.zeros(7)}, second) == "it has 1 tensors of shape (7,), ResNet-18 has 0"
    )


def test_not_a_number_is_not_uniform(draws):
    first, second = draws
    broken = redrawn(first, (64, 3, 3, 3), lambda w: w[0, 0, 0].fill_(float("nan")))
    assert "not uniform" in find_difference(broken, second)


def test_false_alarms_are_as_rare_as_promised():
    """There are no more comparisons than the bound is shared among, and it holds where it can be computed."""
    tensors = sum(count for count, _ in initialization._expected().values())
    pairs = sum(math.comb(2 * count, 2) for count, _ in initialization._expected().values())
    assert 4 * tensors + 2 * (tensors - 1) + pairs <= initialization.CHECKS
    n = 1000
    exact = 2 * math.exp(-2 * n * largest_distance(n) ** 2)
    assert exact * initialization.CHECKS == pytest.approx(initialization.FALSE_ALARM)
    assert smallest_maximum(n) ** n * initialization.CHECKS == pytest.approx(initialization.FALSE_ALARM)
    torch.manual_seed(0)
    distances = [distance_to_uniform(torch.rand(n) * 2 - 1) for _ in range(200)]
    assert max(distances) < largest_distance(n)
    assert max(distances) > largest_distance(n) / 3  # neither is it so wide that nothing would be found
