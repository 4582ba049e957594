"""ReLUs and the shortcut are added by forward hooks; forward only runs the convolutions."""

import torch
from torch import nn


def relu_after(module):
    module.register_forward_hook(lambda _module, _args, output: output.relu())
    return module


def conv(n_in, n_out, size, stride=1):
    return nn.Conv2d(n_in, n_out, size, stride, size // 2, bias=False)


class Residual(nn.Module):
    def __init__(self, in_planes, out_planes, stride, *layers):
        super().__init__()
        self.layers = nn.Sequential(*layers)
        self.shortcut = nn.Identity()
        if stride != 1 or in_planes != out_planes:
            self.shortcut = nn.Sequential(conv(in_planes, out_planes, 1, stride), nn.BatchNorm2d(out_planes))
        self.register_forward_hook(self.add_shortcut)

    @staticmethod
    def add_shortcut(block, args, residual):
        return torch.relu(residual + block.shortcut(*args))

    def forward(self, x):
        return self.layers(x)


class BasicBlock(Residual):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__(
            in_planes,
            planes,
            stride,
            conv(in_planes, planes, 3, stride),
            relu_after(nn.BatchNorm2d(planes)),
            conv(planes, planes, 3),
            nn.BatchNorm2d(planes),
        )


class Bottleneck(Residual):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        super().__init__(
            in_planes,
            4 * planes,
            stride,
            conv(in_planes, planes, 1),
            relu_after(nn.BatchNorm2d(planes)),
            conv(planes, planes, 3, stride),
            relu_after(nn.BatchNorm2d(planes)),
            conv(planes, 4 * planes, 1),
            nn.BatchNorm2d(4 * planes),
        )
