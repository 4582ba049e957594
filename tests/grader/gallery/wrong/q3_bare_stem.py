"""The stem is a convolution and nothing else."""

# question: q3
# misconception: stem_without_batchnorm_and_relu
# evidence: 128 parameters too few, and the blocks get negative values

import torch
import torch.nn as nn


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        self.stem = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        channels = 64
        blocks = []
        for i, planes in enumerate((64, 128, 256, 512)):
            for j in range(num_blocks[i]):
                blocks.append(block(channels, planes, 2 if i > 0 and j == 0 else 1))
                channels = planes * block.expansion
        self.blocks = nn.Sequential(*blocks)
        self.pool = nn.AdaptiveAvgPool2d((1, 1))
        self.head = nn.Linear(channels, num_classes)

    def forward(self, x):
        out = self.blocks(self.stem(x))
        return self.head(torch.flatten(self.pool(out), 1))
