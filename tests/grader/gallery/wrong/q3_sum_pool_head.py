"""The head adds up all positions."""

# question: q3
# misconception: sum_pool_head
# evidence: the logits are about sixteen times too large

import torch.nn as nn


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU())
        self.channels = 64
        self.body = nn.Sequential(
            *self.stage(block, 64, num_blocks[0], 1),
            *self.stage(block, 128, num_blocks[1], 2),
            *self.stage(block, 256, num_blocks[2], 2),
            *self.stage(block, 512, num_blocks[3], 2),
        )
        self.head = nn.Linear(self.channels, num_classes)

    def stage(self, block, planes, count, stride):
        for i in range(count):
            yield block(self.channels, planes, stride if i == 0 else 1)
            self.channels = planes * block.expansion

    def forward(self, x):
        return self.head(self.body(self.stem(x)).sum(dim=(2, 3)))
