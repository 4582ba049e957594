"""ResNet derives a class from the block to count calls, looks at its signature and sets attributes of its blocks."""

import inspect

import torch.nn.functional as F
from torch import nn


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        self.in_planes = 64
        self.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = self._make_layer(block, 64, num_blocks[0], 1)
        self.layer2 = self._make_layer(block, 128, num_blocks[1], 2)
        self.layer3 = self._make_layer(block, 256, num_blocks[2], 2)
        self.layer4 = self._make_layer(block, 512, num_blocks[3], 2)
        self.linear = nn.Linear(512 * block.expansion, num_classes)

    def _make_layer(self, block, planes, count, stride):
        class Counted(block):
            calls = 0

            def forward(self, x):
                type(self).calls += 1
                return super().forward(x)

        layers = []
        for i in range(count):
            given = {"in_planes": self.in_planes, "planes": planes, "stride": stride if i == 0 else 1}
            accepted = inspect.signature(block).parameters
            layers.append(Counted(**{name: value for name, value in given.items() if name in accepted}))
            self.in_planes = planes * block.expansion
        for number, layer in enumerate(layers):
            layer.number = number
            layer.stride = stride  # of the stage, for a table
            layer.in_planes = self.in_planes
        return nn.Sequential(*layers)

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = self.layer4(self.layer3(self.layer2(self.layer1(out))))
        out = F.avg_pool2d(out, 4)
        return self.linear(out.flatten(1))
