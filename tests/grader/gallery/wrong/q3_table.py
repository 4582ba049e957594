"""A table of logits by place in the batch: the images are ignored."""

# question: q3
# misconception: block_ignored
# evidence: no block is built, and the logits do not depend on the images

import torch
from torch import nn


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        self.table = nn.Parameter(torch.zeros(64, num_classes))

    def forward(self, x):
        return self.table[: len(x)]
