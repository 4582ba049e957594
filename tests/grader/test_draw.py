"""Weights that are drawn quickly are as good as others: no two channels of a layer are alike."""

import pytest
import torch

from autograder.student.draw import DRAWN, normal, uniform


@pytest.mark.parametrize("shape", [(), (1,), (8,), (0, 3), (16, 8, 3, 3), (2, 3, 32, 32)])
def test_numbers_have_the_shape(shape):
    assert normal(shape).shape == uniform(shape).shape == torch.Size(shape)


@pytest.mark.parametrize("shape", [(512, 512, 3, 3), (512, 256, 1, 1), (64, 64, 3, 3), (10, 2048), (2048, 1024, 1, 1)])
def test_no_two_channels_have_the_same_weights(shape):
    weight = normal(shape)
    for channels in (weight.flatten(1), weight.transpose(0, 1).flatten(1)):
        assert len(torch.unique(channels[:, :8], dim=0)) == len(channels)


@pytest.mark.parametrize("size", [DRAWN, 100 * DRAWN + 7])
def test_distributions(size):
    generator = torch.Generator().manual_seed(0)
    numbers = normal((size,), generator)
    assert abs(float(numbers.mean())) < 0.05
    assert abs(float(numbers.std()) - 1) < 0.05
    numbers = uniform((size,), generator)
    assert 0 <= float(numbers.min()) < 0.01 < 0.99 < float(numbers.max()) <= 1


def test_a_generator_decides():
    first, second = (normal((100, 100), torch.Generator().manual_seed(3)) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, normal((100, 100), torch.Generator().manual_seed(4)))
