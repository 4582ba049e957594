"""Muon: what its updates are, whatever the shape of a kernel."""

import pytest
import torch
from torch import nn

from autograder.training.inside.muon import Muon, orthogonal


@pytest.mark.parametrize("shape", [(16, 3, 3, 3), (16, 32, 3, 3), (64, 16, 1, 1), (10, 64), (64, 10)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_updates_of_kernels_have_one_size_in_all_directions(shape, dtype):
    updates = orthogonal(torch.randn(2, *shape, generator=torch.Generator().manual_seed(0)), dtype)
    assert updates.shape == (2, *shape)
    assert updates.dtype == torch.float32
    sizes = torch.linalg.svdvals(updates.flatten(2))
    assert 0.5 < float(sizes.min()) <= float(sizes.max()) < 1.3


def test_the_size_of_a_gradient_does_not_matter():
    kernel = torch.randn(1, 8, 4, 3, 3, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(orthogonal(kernel, torch.float32), orthogonal(1e4 * kernel, torch.float32), atol=1e-4)


def test_a_matrix_may_be_stored_either_way_round():
    """A linear layer as (out, in), or as a parameter (in, out)."""
    matrix = torch.randn(1, 10, 64, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(orthogonal(matrix, torch.float32), orthogonal(matrix.mT, torch.float32).mT, atol=1e-6)


def test_no_gradient_no_update():
    """A kernel that forward uses, but whose gradient is zero, is not moved by rounding errors."""
    assert torch.equal(orthogonal(torch.zeros(1, 8, 4, 3, 3), torch.float32), torch.zeros(1, 8, 4, 3, 3))


def test_kernels_learn_apart():
    """Kernels of one shape are updated together, in one operation; each by its own gradient, or not at all."""
    generator = torch.Generator().manual_seed(0)
    shapes = [(8, 4, 3, 3), (8, 4, 1, 1), (8, 4, 3, 3), (8, 4, 3, 3), (10, 8)]
    kernels = [nn.Parameter(torch.zeros(shape)) for shape in shapes]
    gradients = [torch.randn(shape, generator=generator) for shape in shapes]
    for kernel, gradient in zip(kernels, gradients, strict=True):
        kernel.grad = gradient.clone()
    kernels[2].grad = None
    Muon([{"params": kernels, "orthogonal": True}], lr=1.0, momentum=0.9).step()
    for kernel, gradient in zip(kernels, gradients, strict=True):
        alone = -orthogonal(gradient[None], torch.float32)[0]
        assert torch.allclose(kernel, torch.zeros(()) if kernel is kernels[2] else alone, atol=1e-5)


@pytest.mark.parametrize("scale", [1e-4, 1.0, 1e4])
def test_a_step_is_as_large_as_the_learning_rate_says(scale):
    """Along the gradient, whatever its size."""
    kernel, bias = nn.Parameter(torch.zeros(8, 4, 3, 3)), nn.Parameter(torch.zeros(8))
    groups = [{"params": [kernel], "orthogonal": True}, {"params": [bias], "orthogonal": False, "lr": 0.5}]
    optimizer = Muon(groups, lr=0.1, momentum=0.9)
    direction = torch.randn(kernel.shape, generator=torch.Generator().manual_seed(0))
    (scale * ((kernel * direction).sum() + (bias * direction[:, 0, 0, 0]).sum())).backward()
    optimizer.step()
    sizes = torch.linalg.svdvals(kernel.detach().flatten(1))
    assert 0.05 < float(sizes.min()) <= float(sizes.max()) < 0.13
    assert float((kernel.detach() * direction).sum()) < 0
    assert torch.allclose(bias, -0.5 * direction[:, 0, 0, 0] / direction[:, 0, 0, 0].square().mean().sqrt(), rtol=1e-3)


def test_momentum_is_nesterovs():
    """Two steps along one gradient: the update has 1 + momentum times it, then that and momentum squared more."""
    bias, momentum = nn.Parameter(torch.zeros(2)), 0.5
    optimizer = Muon([{"params": [bias], "orthogonal": False}], lr=1.0, momentum=momentum)
    for gradient in ([1.0, 0.0], [0.0, 1.0]):
        bias.grad = torch.tensor(gradient)
        before = bias.detach().clone()
        optimizer.step()
    moved = before - bias.detach()
    assert float(moved[1] / moved[0]) == pytest.approx((1 + momentum) / momentum**2)
