"""By somebody who comes from Keras: layers with filters and padding="same", `call` instead of forward, `add`."""

import torch
from torch import nn


class Layer(nn.Module):
    def call(self, inputs):
        raise NotImplementedError

    def forward(self, inputs):
        return self.call(inputs)


class Conv2D(Layer):
    """A convolution with padding "same" and no bias."""

    def __init__(self, filters, kernel_size, strides=1, *, inputs):
        super().__init__()
        padding = (kernel_size - 1) // 2
        self.layer = nn.Conv2d(inputs, filters, kernel_size, strides, padding, bias=False)

    def call(self, inputs):
        return self.layer(inputs)


class Add(Layer):
    def call(self, inputs):
        first, *others = inputs
        for other in others:
            first = first + other
        return first


class Activation(Layer):
    def __init__(self, name):
        super().__init__()
        self.function = getattr(torch, name)

    def call(self, inputs):
        return self.function(inputs)


class GlobalAveragePooling2D(Layer):
    def call(self, inputs):
        return inputs.mean(dim=[-2, -1])


class Model(Layer):
    """Layers one after the other."""

    def __init__(self):
        super().__init__()
        self.stack = nn.ModuleList()

    def add(self, layer):
        self.stack.append(layer)
        return self

    def call(self, inputs):
        for layer in self.stack:
            inputs = layer(inputs)
        return inputs


class _Block(Layer):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        filters = planes * self.expansion
        self.shortcut = Model()
        if stride != 1 or in_planes != filters:
            self.shortcut.add(Conv2D(filters, 1, stride, inputs=in_planes)).add(nn.BatchNorm2d(filters))
        self.residual = self.build(in_planes, planes, stride)
        self.merge = Add()
        self.activation = Activation("relu")

    def call(self, inputs):
        return self.activation(self.merge([self.shortcut(inputs), self.residual(inputs)]))


class BasicBlock(_Block):
    expansion = 1

    def build(self, in_planes, planes, stride):
        model = Model()
        model.add(Conv2D(planes, 3, stride, inputs=in_planes)).add(nn.BatchNorm2d(planes)).add(Activation("relu"))
        return model.add(Conv2D(planes, 3, inputs=planes)).add(nn.BatchNorm2d(planes))


class Bottleneck(_Block):
    expansion = 4

    def build(self, in_planes, planes, stride):
        model = Model()
        model.add(Conv2D(planes, 1, inputs=in_planes)).add(nn.BatchNorm2d(planes)).add(Activation("relu"))
        model.add(Conv2D(planes, 3, stride, inputs=planes)).add(nn.BatchNorm2d(planes)).add(Activation("relu"))
        return model.add(Conv2D(planes * 4, 1, inputs=planes)).add(nn.BatchNorm2d(planes * 4))


class ResNet(Layer):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        model = Model()
        model.add(Conv2D(filters=64, kernel_size=3, inputs=3)).add(nn.BatchNorm2d(64)).add(Activation("relu"))
        channels = 64
        for filters, repeats in zip([64, 128, 256, 512], num_blocks, strict=True):
            for repeat in range(repeats):
                strides = 2 if filters > 64 and repeat == 0 else 1
                model.add(block(channels, filters, strides))
                channels = filters * block.expansion
        model.add(GlobalAveragePooling2D()).add(nn.Linear(channels, num_classes))
        self.model = model

    def call(self, inputs):
        return self.model(inputs)


def ResNet18(**kwargs):
    return ResNet(BasicBlock, [2, 2, 2, 2], **kwargs)
