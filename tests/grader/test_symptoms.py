"""What is measured of a wrong output that no mistake explains."""

import pytest
import torch

from autograder.oracle.observe import Observation
from autograder.oracle.symptoms import symptoms

X = torch.rand(2, 4, 5, 5) + 1
RIGHT = Observation("eval", X, None, X.double())


def seen(output: torch.Tensor, form: str = "") -> list[str]:
    return symptoms(Observation("eval", X, None, output, form), RIGHT)


def test_a_right_output_is_called_right():
    assert seen(X.clone()) == [
        "the output itself is right; its running statistics, its gradients or its input afterwards are not"
    ]


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16])
def test_one_of_another_type_is_not(dtype):
    assert seen(X.to(dtype), str(dtype).removeprefix("torch.")) == []


def test_a_multiple():
    assert seen(2 * X) == ["the output is 2 times what it should be"]


def test_only_the_border():
    output = X.clone()
    output[..., 0] += 1
    assert seen(output) == ["only pixels at the border differ: how are the convolutions padded?"]
