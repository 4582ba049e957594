"""A sigmoid on the logits."""

# question: q3
# misconception: sigmoid_output
# evidence: every output lies between 0 and 1

import torch
import torch.nn as nn
import torch.nn.functional as F

WIDTHS = (64, 128, 256, 512)


def make_stage(block, in_planes, planes, count, stride):
    """Returns the blocks and the channels that leave them."""
    blocks = []
    for i in range(count):
        blocks.append(block(in_planes, planes, stride if i == 0 else 1))
        in_planes = planes * block.expansion
    return nn.Sequential(*blocks), in_planes


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        self.conv = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(64)
        self.stages = nn.ModuleList()
        channels = 64
        for i, planes in enumerate(WIDTHS):
            stage, channels = make_stage(block, channels, planes, num_blocks[i], 1 if i == 0 else 2)
            self.stages.append(stage)
        self.out = nn.Linear(channels, num_classes)

    def forward(self, x):
        x = F.relu(self.norm(self.conv(x)))
        for stage in self.stages:
            x = stage(x)
        x = F.avg_pool2d(x, 4).view(x.size(0), -1)
        return torch.sigmoid(self.out(x))
