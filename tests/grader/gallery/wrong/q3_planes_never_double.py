"""All stages have 64 planes."""

# question: q3
# misconception: planes_never_double
# evidence: the linear layer takes 64 * expansion features

import torch.nn as nn
import torch.nn.functional as F


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.stages = nn.Sequential()
        channels = 64
        for number, count in enumerate(num_blocks):
            for i in range(count):
                self.stages.append(block(channels, 64, 2 if number > 0 and i == 0 else 1))
                channels = 64 * block.expansion
        self.linear = nn.Linear(channels, num_classes)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = F.adaptive_avg_pool2d(self.stages(x), 1)
        return self.linear(x.flatten(1))
