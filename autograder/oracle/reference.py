"""The reference implementation: a design as a pure function of (weights by role, x).

It computes in float64, so that the difference to a student's float32 result is the student's rounding alone.
"""

from dataclasses import dataclass, field

import torch
import torch.nn.functional as F
from torch import Tensor

from autograder.oracle.design import Block, Design, Layer, Network, Probe

Weights = dict[str, Tensor]


class Contradiction(Exception):
    """The design uses a tensor that it does not have, as a BatchNorm does that is shared with a layer without one."""


class _Roles(Weights):
    def __missing__(self, role: str) -> Tensor:
        raise Contradiction(role)


@dataclass
class Pass:
    """One forward pass: its weights, its mode, and the running statistics it leaves behind.

    `updates` maps roles such as "conv1.mean" to their new values; empty in eval mode.
    """

    weights: Weights
    training: bool
    updates: Weights = field(default_factory=dict)

    def batchnorm(self, name: str, layer: Layer, x: Tensor) -> Tensor:
        """BatchNorm over (N, H, W) (Ioffe and Szegedy 2015; running variance unbiased, as PyTorch has it)."""
        name = layer.shares or name
        gamma, beta = self.weights.get(f"{name}.gamma"), self.weights.get(f"{name}.beta")
        if not layer.tracked:
            return F.batch_norm(x, None, None, gamma, beta, True, layer.momentum, layer.eps)
        # A BatchNorm that is used twice continues from what its first use left.
        mean, var = (self.updates.get(f"{name}.{kind}", self.weights[f"{name}.{kind}"]) for kind in ("mean", "var"))
        use_batch = layer.always or (self.training and not layer.frozen)
        if use_batch:
            mean, var = mean.detach().clone(), var.detach().clone()
        y = F.batch_norm(x, mean, var, gamma, beta, use_batch, layer.momentum, layer.eps)
        if use_batch:
            self.updates[f"{name}.mean"], self.updates[f"{name}.var"] = mean, var
        return y

    def layer(self, name: str, layer: Layer, x: Tensor) -> Tensor:
        """(N, in_planes, H, W) -> (N, out_planes, H', W')."""
        if layer.detached:
            x = x.detach()
        if layer.pool:
            x = F.avg_pool2d(x, 2) if layer.pool == "avg" else F.max_pool2d(x, 2)
        for step in layer.order.split("-"):
            if step == "conv":
                weight, bias = self.weights[f"{name}.weight"], self.weights.get(f"{name}.bias")
                weight = weight if layer.learns else weight.detach()
                padding = layer.padding
                if layer.padding_mode != "constant" and padding:
                    x, padding = F.pad(x, [padding] * 4, layer.padding_mode), 0
                x = F.conv2d(x, weight, bias, layer.stride, padding, layer.dilation, layer.groups)
            elif step == "bn" and layer.batchnorm and not layer.unused_batchnorm:
                x = self.batchnorm(name, layer, x)
            elif step == "relu" and layer.relu:
                x = ACTIVATIONS[layer.activation](x)
        return x

    def block(self, block: Block, x: Tensor) -> Tensor:
        """(N, in_planes, H, W) -> (N, out_planes, H / stride, W / stride)."""
        out, first = x, None
        for number, layer in enumerate(block.layers, start=1):
            out = self.layer(f"conv{number}", layer, out)
            first = out if first is None else first
        source = {"x": x, "relu": x.relu(), "first": first, "last": out}[block.shortcut_input]
        shortcut = None if block.combine == "none" else self._shortcut(block, source)
        if block.detached in ("F", "both"):
            out = out.detach()
        if shortcut is not None and block.detached in ("shortcut", "both"):
            shortcut = shortcut.detach()
        out = COMBINE[block.combine](block.scale * out, shortcut)
        if block.after == "batchnorm":
            out = self.batchnorm("after", block.layers[-1], out)
        return ACTIVATIONS[block.last_activation](out) if block.last_relu else out

    def _shortcut(self, block: Block, x: Tensor) -> Tensor:
        if block.shortcut is not None:
            return self.layer("shortcut", block.shortcut, x)
        if block.padded_shortcut is None:
            return x
        stride = max(layer.stride for layer in block.layers)
        before = block.padded_shortcut // 2
        return F.pad(x[:, :, ::stride, ::stride], (0, 0, 0, 0, before, block.padded_shortcut - before))

    def network(self, net: Network, x: Tensor) -> Tensor:
        """(N, 3, 32, 32) -> (N, num_classes)."""
        out = self.layer("stem", net.stem, x)
        if net.stem_pool:
            out = F.max_pool2d(out, 3, 2, 1) if net.stem_pool == "max3" else F.max_pool2d(out, 2)
        out = out.detach() if net.detached == "stem" else out
        for number, stage in enumerate(net.stages, start=1):
            if number in net.skipped_stages:
                continue
            for index, probe in enumerate(stage):
                out = self._probe(f"stage{number}.{index}", net, stage, probe, out)
        features = POOLS[net.pool](out)
        features = F.normalize(features) if net.normalized else features
        features = features.detach() if net.detached == "features" else features
        return HEADS[net.head](F.linear(features, self.weights["linear.weight"], self.weights.get("linear.bias")))

    def _probe(self, name: str, net: Network, stage: tuple[Probe, ...], probe: Probe, x: Tensor) -> Tensor:
        weight = self.weights.get(f"{name}.weight")
        if weight is None:  # shared: the nearest block before it that has one
            prefix, index = name.rsplit(".", 1)
            weight = next(
                w for i in range(int(index), -1, -1) if (w := self.weights.get(f"{prefix}.{i}.weight")) is not None
            )
        return F.conv2d(x, weight, stride=probe.stride).relu()


ACTIVATIONS = {
    "relu": torch.relu,
    "leaky_relu": lambda x: F.leaky_relu(x, 0.01),
    "leaky_relu_0.1": lambda x: F.leaky_relu(x, 0.1),
    "leaky_relu_0.2": lambda x: F.leaky_relu(x, 0.2),
    "gelu": F.gelu,
    "silu": F.silu,
    "elu": F.elu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
    "relu6": F.relu6,
}
COMBINE = {
    "add": lambda out, shortcut: out + shortcut,
    "none": lambda out, shortcut: out,
    "lost": lambda out, shortcut: out,
    "only": lambda out, shortcut: shortcut,
    "subtract": lambda out, shortcut: out - shortcut,
    "reverse": lambda out, shortcut: shortcut - out,
    "average": lambda out, shortcut: (out + shortcut) / 2,
    "twice": lambda out, shortcut: out + 2 * shortcut,
    "multiply": lambda out, shortcut: out * shortcut,
    "relu_shortcut": lambda out, shortcut: out + shortcut.relu(),
    "maximum": torch.maximum,
    "concatenate": lambda out, shortcut: torch.cat([out, shortcut], dim=1),
    "double": lambda out, shortcut: 2 * (out + shortcut),
}
POOLS = {
    "avg": lambda x: x.mean(dim=(2, 3)),
    "max": lambda x: x.amax(dim=(2, 3)),
    "sum": lambda x: x.sum(dim=(2, 3)),
    "first": lambda x: x[:, :, 0, 0],
    "none": lambda x: x.flatten(1),
}
HEADS = {
    "logits": lambda z: z,
    "softmax": lambda z: z.softmax(dim=1),
    "softmax_batch": lambda z: z.softmax(dim=0),
    "log_softmax": lambda z: z.log_softmax(dim=1),
    "relu": torch.relu,
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
}


def compute(design: Design, weights: Weights, x: Tensor, training: bool) -> tuple[Tensor, Weights]:
    """Return `(output, updates)`: the running statistics after this pass, empty in eval mode.

    Raises:
        Contradiction: no network can have this design.
    """
    forward = Pass(_Roles(weights), training)
    output = forward.block(design, x) if isinstance(design, Block) else forward.network(design, x)
    return output, forward.updates
