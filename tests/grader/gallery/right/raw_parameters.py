"""No layers at all in the blocks: a ParameterDict of kernels, gains and shifts, buffers for the running statistics."""

import torch
import torch.nn.functional as Fn
from torch import nn


class Raw(nn.Module):
    """Tensors by name: `w_*` kernels, `g_*` and `b_*` of the normalisation, its buffers `m_*` and `v_*`."""

    def __init__(self):
        super().__init__()
        self.p = nn.ParameterDict()

    def add(self, name, n_in, n_out, size):
        fan_in = n_in * size * size
        self.p[f"w_{name}"] = nn.Parameter(torch.randn(n_out, n_in, size, size) * (2 / fan_in) ** 0.5)
        self.p[f"g_{name}"] = nn.Parameter(torch.ones(n_out))
        self.p[f"b_{name}"] = nn.Parameter(torch.zeros(n_out))
        self.register_buffer(f"m_{name}", torch.zeros(n_out))
        self.register_buffer(f"v_{name}", torch.ones(n_out))

    def apply_layer(self, name, x, stride=1):
        kernel = self.p[f"w_{name}"]
        x = Fn.conv2d(x, kernel, stride=stride, padding=kernel.shape[-1] // 2)
        mean, var = getattr(self, f"m_{name}"), getattr(self, f"v_{name}")
        return Fn.batch_norm(x, mean, var, self.p[f"g_{name}"], self.p[f"b_{name}"], training=self.training)


class BasicBlock(Raw):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.stride = stride
        self.add("two", planes, planes, 3)
        self.add("one", in_planes, planes, 3)
        self.matched = stride == 1 and in_planes == planes
        if not self.matched:
            self.add("skip", in_planes, planes, 1)

    def forward(self, x):
        y = Fn.relu(self.apply_layer("one", x, self.stride))
        y = self.apply_layer("two", y)
        return Fn.relu(y + (x if self.matched else self.apply_layer("skip", x, self.stride)))


class Bottleneck(Raw):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.stride = stride
        self.add("three", planes, 4 * planes, 1)
        self.add("two", planes, planes, 3)
        self.add("one", in_planes, planes, 1)
        self.matched = stride == 1 and in_planes == 4 * planes
        if not self.matched:
            self.add("skip", in_planes, 4 * planes, 1)

    def forward(self, x):
        y = Fn.relu(self.apply_layer("one", x))
        y = Fn.relu(self.apply_layer("two", y, self.stride))
        y = self.apply_layer("three", y)
        return Fn.relu(y + (x if self.matched else self.apply_layer("skip", x, self.stride)))
