"""Multiple inheritance: mixins bring the layers, the shortcut and the ReLU; abstract methods name the parts."""

from abc import ABC, abstractmethod

from torch import nn


class LayersMixin:
    @staticmethod
    def conv(n_in, n_out, size, stride=1):
        return nn.Conv2d(n_in, n_out, kernel_size=size, stride=stride, padding=(size - 1) // 2, bias=False)

    @staticmethod
    def norm(n):
        return nn.BatchNorm2d(num_features=n, eps=1e-05, momentum=0.1, affine=True, track_running_stats=True)


class ShortcutMixin(LayersMixin):
    def make_shortcut(self, n_in, n_out, stride):
        if n_in == n_out and stride == 1:
            return None
        return nn.Sequential(self.conv(n_in, n_out, 1, stride), self.norm(n_out))


class ReluMixin:
    @property
    def relu(self):
        return nn.functional.relu


class Block(ShortcutMixin, ReluMixin, nn.Module, ABC):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.make_layers(in_planes, planes, stride)
        self.downsample = self.make_shortcut(in_planes, planes * self.expansion, stride)

    @property
    @abstractmethod
    def expansion(self): ...

    @abstractmethod
    def make_layers(self, in_planes, planes, stride): ...

    @abstractmethod
    def residual(self, x): ...

    def forward(self, x):
        identity = x if self.downsample is None else self.downsample(x)
        return self.relu(identity + self.residual(x))


class BasicBlock(Block):
    expansion = 1

    def make_layers(self, in_planes, planes, stride):
        self.bn_b, self.conv_b = self.norm(planes), self.conv(planes, planes, 3)
        self.bn_a, self.conv_a = self.norm(planes), self.conv(in_planes, planes, 3, stride)

    def residual(self, x):
        x = self.relu(self.bn_a(self.conv_a(x)))
        return self.bn_b(self.conv_b(x))


class Bottleneck(Block):
    expansion = 4

    def make_layers(self, in_planes, planes, stride):
        self.bn_c, self.conv_c = self.norm(4 * planes), self.conv(planes, 4 * planes, 1)
        self.bn_b, self.conv_b = self.norm(planes), self.conv(planes, planes, 3, stride)
        self.bn_a, self.conv_a = self.norm(planes), self.conv(in_planes, planes, 1)

    def residual(self, x):
        x = self.relu(self.bn_a(self.conv_a(x)))
        x = self.relu(self.bn_b(self.conv_b(x)))
        return self.bn_c(self.conv_c(x))
