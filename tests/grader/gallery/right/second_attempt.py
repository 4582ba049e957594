"""A first attempt that was wrong, then patches in later cells: redefined helpers, methods replaced one by one."""

import torch
import torch.nn as nn


def conv(n_in, n_out, k, s=1):
    return nn.Conv2d(n_in, n_out, k, s)  # no padding, and a bias: corrected further down


class BasicBlock(nn.Module):
    expansion = 2

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.conv1, self.conv2 = conv(in_planes, planes, 3, stride), conv(planes, planes, 3)
        self.bn1, self.bn2 = nn.BatchNorm2d(planes), nn.BatchNorm2d(planes)
        self.make_shortcut(in_planes, planes * self.expansion, stride)

    def make_shortcut(self, n_in, n_out, stride):
        self.shortcut = nn.Sequential()

    def forward(self, x):
        return self.bn2(self.conv2(self.bn1(self.conv1(x))))  # forgot the shortcut and the ReLUs


class Bottleneck(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        raise NotImplementedError


net = BasicBlock(8, 8)
# print(net(torch.randn(1, 8, 8, 8)).shape)  -> wrong shape!


# now with padding and without bias
def conv(n_in, n_out, k, s=1):
    return nn.Conv2d(n_in, n_out, k, s, padding=k // 2, bias=False)


def make_shortcut(self, n_in, n_out, stride):
    same = stride == 1 and n_in == n_out
    self.shortcut = nn.Sequential() if same else nn.Sequential(conv(n_in, n_out, 1, stride), nn.BatchNorm2d(n_out))


BasicBlock.make_shortcut = make_shortcut
BasicBlock.expansion = 1
assert isinstance(net, BasicBlock)


def forward(self, x):
    out = torch.relu(self.bn1(self.conv1(x)))
    return torch.relu(self.bn2(self.conv2(out)) + self.shortcut(x))


BasicBlock.forward = forward


class Bottleneck(BasicBlock):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        nn.Module.__init__(self)
        self.conv1, self.bn1 = conv(in_planes, planes, 1), nn.BatchNorm2d(planes)
        self.conv2, self.bn2 = conv(planes, planes, 3, stride), nn.BatchNorm2d(planes)
        self.conv3, self.bn3 = conv(planes, 4 * planes, 1), nn.BatchNorm2d(4 * planes)
        self.make_shortcut(in_planes, 4 * planes, stride)

    def forward(self, x):
        out = torch.relu(self.bn1(self.conv1(x)))
        out = torch.relu(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        return torch.relu(out + self.shortcut(x))


_constructor = Bottleneck.__init__


def _loud_constructor(self, *args, **kwargs):
    print("building a bottleneck", args, kwargs)
    _constructor(self, *args, **kwargs)


Bottleneck.__init__ = _loud_constructor
# ruff: noqa: F811
