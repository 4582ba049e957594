"""One function makes both block classes; the classes are closures over their expansion and kernels."""

import torch
from torch import nn


def make_block(kernels, widths):
    """A class of blocks: `kernels` of its convolutions, and their `widths` in multiples of planes."""
    strided = kernels.index(3)

    class Block(nn.Module):
        expansion = widths[-1]

        def __init__(self, in_planes, planes, stride=1):
            super().__init__()
            self.convs, self.norms = nn.ModuleList(), nn.ModuleList()
            n_in = in_planes
            for i, (kernel, width) in enumerate(zip(kernels, widths, strict=True)):
                n_out = width * planes
                step = stride if i == strided else 1
                self.convs.append(nn.Conv2d(n_in, n_out, kernel, step, padding=kernel // 2, bias=False))
                self.norms.append(nn.BatchNorm2d(n_out))
                n_in = n_out
            self.projects = stride != 1 or in_planes != n_out
            if self.projects:
                self.convs.append(nn.Conv2d(in_planes, n_out, 1, stride, bias=False))
                self.norms.append(nn.BatchNorm2d(n_out))

        def forward(self, x):
            units = list(zip(self.convs, self.norms, strict=True))
            shortcut = x
            if self.projects:
                conv, norm = units.pop()
                shortcut = norm(conv(x))
            for i, (conv, norm) in enumerate(units):
                x = norm(conv(torch.relu(x) if i else x))
            return torch.relu(x + shortcut)

    return Block


BasicBlock, Bottleneck = make_block((3, 3), (1, 1)), make_block((1, 3, 1), (1, 1, 4))
