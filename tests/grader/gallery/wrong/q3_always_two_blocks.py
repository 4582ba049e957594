"""num_blocks is ignored: every stage has two blocks."""

# question: q3
# misconception: num_blocks_ignored
# evidence: ResNet(block, [1, 1, 1, 1]) builds eight blocks

import torch.nn as nn
import torch.nn.functional as F


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        e = block.expansion
        self.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = nn.Sequential(block(64, 64, 1), block(64 * e, 64, 1))
        self.layer2 = nn.Sequential(block(64 * e, 128, 2), block(128 * e, 128, 1))
        self.layer3 = nn.Sequential(block(128 * e, 256, 2), block(256 * e, 256, 1))
        self.layer4 = nn.Sequential(block(256 * e, 512, 2), block(512 * e, 512, 1))
        self.fc = nn.Linear(512 * e, num_classes)

    def forward(self, x):
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer1(x)
        x = self.layer2(x)
        x = self.layer3(x)
        x = self.layer4(x)
        return self.fc(F.adaptive_avg_pool2d(x, 1).squeeze(-1).squeeze(-1))
