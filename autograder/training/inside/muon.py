"""Muon (Jordan et al. 2024): gradient descent that moves a kernel in all directions alike.

The update of a kernel is its momentum, made orthogonal: as a matrix of output channels by all else, its singular values
become about 1. So directions that plain gradients rarely take are learned as fast as the others, and a network needs
fewer steps. `torch.optim.Muon` exists since PyTorch 2.9 and takes matrices only, not the kernels of convolutions.

The update of values per channel, such as BatchNorm's, is their momentum with a root mean square of 1. So they move at
one speed however small their gradient is, and a BatchNorm that starts at zero is not left behind.
"""

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
            for parameter in group["params"]:
                if parameter.grad is not None:
                    update = self._with_momentum(parameter, group["momentum"])
                    update = orthogonal(update, self._dtype) if group["orthogonal"] else _of_size_one(update)
                    parameter.mul_(1 - group["lr"] * group["weight_decay"]).sub_(update, alpha=group["lr"])

    def _with_momentum(self, parameter: Tensor, momentum: float) -> Tensor:
        state = self.state[parameter]
        if "sum" not in state:
            state["sum"] = torch.zeros_like(parameter.grad)
        state["sum"].mul_(momentum).add_(parameter.grad)
        return parameter.grad.add(state["sum"], alpha=momentum)


def _of_size_one(values: Tensor) -> Tensor:
    return values / (values.square().mean().sqrt() + 1e-12)


def orthogonal(kernel: Tensor, dtype: torch.dtype) -> Tensor:
    """The kernel (K, ...) with singular values of about 1, seen as a (K, N) matrix; either side may be the longer."""
    matrix = kernel.flatten(1).to(dtype)
    is_tall = matrix.shape[0] > matrix.shape[1]
    x = matrix.T if is_tall else matrix
    x = x / (x.norm() + 1e-7)
    a, b, c = COEFFICIENTS
    for _ in range(ITERATIONS):
        gram = x @ x.T
        x = torch.addmm(x, torch.addmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)  # a x + (b gram + c gram^2) x
    return (x.T if is_tall else x).reshape(kernel.shape).to(kernel.dtype)
