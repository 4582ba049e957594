"""A linear layer on thumbnails of 8x8 pixels; blocks are built, and not used."""

# question: q3
# misconception: blocks_not_called
# evidence: the logits do not depend on any block

import torch.nn.functional as F
from torch import nn


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        in_planes, self.blocks = 64, nn.ModuleList()
        for stage, count in enumerate(num_blocks):
            for i in range(count):
                self.blocks.append(block(in_planes, 64 << stage, 2 if stage and i == 0 else 1))
                in_planes = (64 << stage) * block.expansion
        self.linear = nn.Linear(192, num_classes)

    def forward(self, x):
        return self.linear(F.adaptive_avg_pool2d(x, 8).flatten(1))
