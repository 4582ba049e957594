"""The last stage does not shrink the image."""

# question: q3
# misconception: stage_without_stride
# evidence: the head averages over 8x8 positions

import torch.nn as nn
import torch.nn.functional as F

CONFIG = [(64, 1), (128, 2), (256, 2), (512, 1)]


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        layers, channels = [], 64
        for (planes, stride), count in zip(CONFIG, num_blocks, strict=True):
            for i in range(count):
                layers.append(block(channels, planes, stride if i == 0 else 1))
                channels = planes * block.expansion
        self.layers = nn.Sequential(*layers)
        self.linear = nn.Linear(channels, num_classes)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        return self.linear(self.layers(x).mean(dim=(-2, -1)))
