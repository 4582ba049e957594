"""The optimizer with which q4 trains, as small as it can be: `torch.optim` imports PyTorch's compiler, for a second."""

import torch
from torch import Tensor, nn

BETA1, BETA2, EPS = 0.9, 0.999, 1e-8


class Adam:
    """Adam (Kingma and Ba 2015, arXiv:1412.6980), with the defaults of `torch.optim.Adam`."""

    def __init__(self, module: nn.Module, lr: float):
        self._parameters = list(module.parameters())
        self._lr = lr
        self._moments: dict[int, tuple[Tensor, Tensor, int]] = {}

    def step(self) -> None:
        """Update each parameter that has a gradient."""
        with torch.no_grad():
            for index, parameter in enumerate(self._parameters):
                gradient = parameter.grad
                if gradient is None:
                    continue
                zero = (torch.zeros_like(gradient), torch.zeros_like(gradient), 0)
                first, second, steps = self._moments.get(index, zero)
                first.mul_(BETA1).add_(gradient, alpha=1 - BETA1)
                second.mul_(BETA2).addcmul_(gradient, gradient, value=1 - BETA2)
                steps += 1
                self._moments[index] = first, second, steps
                size = second.div(1 - BETA2**steps).sqrt_().add_(EPS)
                parameter.addcdiv_(first, size, value=-self._lr / (1 - BETA1**steps))
