"""The stem's convolution has no padding."""

# question: q3
# misconception: stem_without_padding
# evidence: 32x32 becomes 30x30

import torch.nn as nn
import torch.nn.functional as F


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        self.conv = nn.Conv2d(3, 64, 3, bias=False)
        self.bn = nn.BatchNorm2d(64)
        self.width = 64
        self.stage1 = self.build(block, 64, num_blocks[0], 1)
        self.stage2 = self.build(block, 128, num_blocks[1], 2)
        self.stage3 = self.build(block, 256, num_blocks[2], 2)
        self.stage4 = self.build(block, 512, num_blocks[3], 2)
        self.out = nn.Linear(self.width, num_classes)

    def build(self, block, planes, n, stride):
        seq = nn.Sequential()
        for i in range(n):
            seq.add_module(f"block{i}", block(self.width, planes, stride if i == 0 else 1))
            self.width = planes * block.expansion
        return seq

    def forward(self, x):
        x = F.relu(self.bn(self.conv(x)))
        x = self.stage1(x)
        x = self.stage2(x)
        x = self.stage3(x)
        x = self.stage4(x)
        return self.out(x.mean((2, 3)))
