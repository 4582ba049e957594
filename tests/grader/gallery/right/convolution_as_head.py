"""The linear layer is a 1x1 convolution with bias on the pooled 1x1 image: the same function, the same numbers."""

from torch import nn


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        layers = [nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU()]
        channels = 64
        for planes, count in zip((64, 128, 256, 512), num_blocks, strict=True):
            for i in range(count):
                layers.append(block(channels, planes, stride=2 if i == 0 and planes != 64 else 1))
                channels = planes * block.expansion
        layers += [nn.AdaptiveAvgPool2d(1), nn.Conv2d(channels, num_classes, kernel_size=1), nn.Flatten()]
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return self.layers(x)


def ResNet18():
    return ResNet(BasicBlock, [2, 2, 2, 2])  # noqa: F821
