"""num_blocks.pop() takes the counts from the end."""

# question: q3
# misconception: num_blocks_reversed
# evidence: ResNet(block, [1, 2, 1, 1]) gives its third stage two blocks

import torch.nn as nn
import torch.nn.functional as F


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        todo = list(num_blocks)
        self.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.stages = nn.ModuleList()
        channels = 64
        for planes in (64, 128, 256, 512):
            stage = nn.Sequential()
            for i in range(todo.pop()):
                stage.append(block(channels, planes, 2 if i == 0 and planes > 64 else 1))
                channels = planes * block.expansion
            self.stages.append(stage)
        self.linear = nn.Linear(channels, num_classes)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        for stage in self.stages:
            x = stage(x)
        return self.linear(x.mean((2, 3)))
