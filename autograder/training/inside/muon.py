"""Muon (Jordan et al. 2024): gradient descent that moves a kernel in all directions alike.

The update of a kernel is its momentum, made orthogonal: as a matrix of output channels by all else, its singular values
become about 1. So directions that plain gradients rarely take are learned as fast as the others, and a network needs
fewer steps. `torch.optim.Muon` exists since PyTorch 2.9 and takes matrices only, not the kernels of convolutions.

The update of values per channel, such as BatchNorm's, is their momentum with a root mean square of 1. So they move at
one speed however small their gradient is, and a BatchNorm that starts at zero is not left behind.
"""

from collections import defaultdict

import torch
from torch import Tensor

ITERATIONS = 5
COEFFICIENTS = 3.4445, -4.775, 2.0315
"""Of the polynomial that drives singular values from (0, 1] to about 0.7 to 1.2 in five iterations (Jordan et al.)."""


class Muon(torch.optim.Optimizer):
    """Nesterov momentum whose size follows from the learning rate alone.

    Args:
        groups: dictionaries with `params`, all kernels or all values per channel; with `orthogonal`, whether they are
            kernels; and perhaps with other values of the arguments below.
        lr: the learning rate.
        momentum: of the gradients.
        weight_decay: decoupled from the gradient, as in AdamW: each step multiplies values by 1 - lr * weight_decay.
        dtype: in which updates are made orthogonal. bfloat16 is enough; float32 for devices without it.
    """

    def __init__(
        self,
        groups: list[dict],
        *,
        lr: float,
        momentum: float,
        weight_decay: float = 0.0,
        dtype: torch.dtype = torch.float32,
    ):
        super().__init__(groups, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})
        self._dtype = dtype

    @torch.no_grad()
    def step(self) -> None:
        """Update each parameter that has a gradient."""
        for group in self.param_groups:
            learning = [parameter for parameter in group["params"] if parameter.grad is not None]
            if learning:
                updates = self._with_momentum(learning, group["momentum"])
                updates = _each_orthogonal(updates, self._dtype) if group["orthogonal"] else _each_of_size_one(updates)
                torch._foreach_mul_(learning, 1 - group["lr"] * group["weight_decay"])
                torch._foreach_sub_(learning, updates, alpha=group["lr"])

    def _with_momentum(self, parameters: list[Tensor], momentum: float) -> list[Tensor]:
        gradients = [parameter.grad for parameter in parameters]
        for parameter, gradient in zip(parameters, gradients, strict=True):
            if parameter not in self.state:
                self.state[parameter]["sum"] = torch.zeros_like(gradient)
        sums = [self.state[parameter]["sum"] for parameter in parameters]
        torch._foreach_mul_(sums, momentum)
        torch._foreach_add_(sums, gradients)
        return list(torch._foreach_add(gradients, sums, alpha=momentum))


def _each_of_size_one(updates: list[Tensor]) -> list[Tensor]:
    """Each with a root mean square of 1."""
    sizes = torch._foreach_norm(updates)
    torch._foreach_add_(sizes, 1e-12)
    torch._foreach_div_(updates, sizes)
    torch._foreach_mul_(updates, [update.numel() ** 0.5 for update in updates])
    return updates


def _each_orthogonal(updates: list[Tensor], dtype: torch.dtype) -> list[Tensor]:
    """Kernels of one shape at once, so that Python starts fewer operations, for which a GPU would wait."""
    by_shape = defaultdict(list)
    for index, update in enumerate(updates):
        by_shape[update.shape].append(index)
    for alike in by_shape.values():
        kernels = orthogonal(torch.stack([updates[index] for index in alike]), dtype)
        for index, kernel in zip(alike, kernels, strict=True):
            updates[index] = kernel
    return updates


def orthogonal(kernels: Tensor, dtype: torch.dtype) -> Tensor:
    """Kernels (N, K, ...) with singular values of about 1, each seen as a matrix (K, L); either side may be longer."""
    matrices = kernels.flatten(2).to(dtype)
    are_tall = matrices.shape[1] > matrices.shape[2]
    x = matrices.mT if are_tall else matrices
    x = x / (x.norm(dim=(1, 2), keepdim=True) + 1e-7)
    a, b, c = COEFFICIENTS
    for _ in range(ITERATIONS):
        gram = x @ x.mT
        polynomial = torch.baddbmm(gram, gram, gram, beta=b, alpha=c)
        x = torch.baddbmm(x, polynomial, x, beta=a)
    return (x.mT if are_tall else x).reshape(kernels.shape).to(kernels.dtype)
