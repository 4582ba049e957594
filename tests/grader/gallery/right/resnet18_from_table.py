"""A class method looks the depth up; the pooling is a sum divided by height times width."""

import torch
import torch.nn as nn

_DEPTH = {"18": ("BasicBlock", [2, 2, 2, 2]), "34": ("BasicBlock", [3, 4, 6, 3]), "50": ("Bottleneck", [3, 4, 6, 3])}


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        n1, n2, n3, n4 = num_blocks
        e = block.expansion
        self.fc = nn.Linear(512 * e, num_classes)
        self.layer1 = self._layer(block, 64, 64, n1, 1)
        self.layer2 = self._layer(block, 64 * e, 128, n2, 2)
        self.layer3 = self._layer(block, 128 * e, 256, n3, 2)
        self.layer4 = self._layer(block, 256 * e, 512, n4, 2)
        self.norm = nn.BatchNorm2d(64)
        self.conv = nn.Conv2d(3, 64, (3, 3), padding=(1, 1), bias=False)

    @staticmethod
    def _layer(block, in_planes, planes, n, stride):
        first = block(in_planes, planes, stride)
        others = (block(planes * block.expansion, planes) for _ in range(n - 1))
        return nn.Sequential(first, *others)

    def forward(self, x):
        x = self.norm(self.conv(x)).relu_()
        for layer in (self.layer1, self.layer2, self.layer3, self.layer4):
            x = layer(x)
        n, c, h, w = x.size()
        return self.fc(torch.sum(x, dim=(2, 3)).reshape(n, c) / (h * w))

    @classmethod
    def of_depth(cls, depth, **kwargs):
        block, num_blocks = _DEPTH[str(depth)]
        return cls(globals()[block], num_blocks, **kwargs)


def ResNet18():
    return ResNet.of_depth(18)
