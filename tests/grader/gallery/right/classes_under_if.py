"""Classes under `if` and `try`, imports that may be missing, a switch for experiments."""

import torch

try:
    from torch import nn
except ImportError:
    nn = None
try:
    import einops_that_nobody_has as einops
except ImportError:
    einops = None

PLAIN = False
if torch.__version__ >= "1":
    relu = torch.relu
else:

    def relu(x):
        return x.clamp(0)


def conv_bn(n_in, n_out, kernel, stride=1):
    return nn.Sequential(nn.Conv2d(n_in, n_out, kernel, stride, padding=kernel // 2, bias=False), nn.BatchNorm2d(n_out))


if PLAIN:

    class BasicBlock(nn.Module):
        """Without a shortcut, to see how much worse it is."""

        expansion = 1

        def __init__(self, in_planes, planes, stride=1):
            super().__init__()
            self.layers = nn.Sequential(conv_bn(in_planes, planes, 3, stride), nn.ReLU(), conv_bn(planes, planes, 3))

        def forward(self, x):
            return relu(self.layers(x))

else:

    class BasicBlock(nn.Module):
        expansion = 1

        def __init__(self, in_planes, planes, stride=1):
            super().__init__()
            self.layers = nn.Sequential(conv_bn(in_planes, planes, 3, stride), nn.ReLU(), conv_bn(planes, planes, 3))
            if stride != 1 or in_planes != planes:
                self.shortcut = conv_bn(in_planes, planes, 1, stride)

        def forward(self, x):
            shortcut = self.shortcut(x) if hasattr(self, "shortcut") else x
            return relu(self.layers(x) + shortcut)


try:

    class Bottleneck(nn.Module):
        expansion = 4

        def __init__(self, in_planes, planes, stride=1):
            super().__init__()
            self.layers = nn.Sequential(
                *(conv_bn(in_planes, planes, 1), nn.ReLU()),
                *(conv_bn(planes, planes, 3, stride), nn.ReLU()),
                conv_bn(planes, 4 * planes, 1),
            )
            if stride != 1 or in_planes != 4 * planes:
                self.shortcut = conv_bn(in_planes, 4 * planes, 1, stride)

        def forward(self, x):
            shortcut = self.shortcut(x) if hasattr(self, "shortcut") else x
            return relu(self.layers(x) + shortcut)

except Exception as error:
    print("no bottleneck:", error)
