"""In the stem the ReLU comes before the BatchNorm."""

# question: q3
# misconception: stem_batchnorm_after_relu
# evidence: the blocks get negative values

import torch.nn as nn


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.ReLU(), nn.BatchNorm2d(64))
        self.in_planes = 64
        self.stages = nn.ModuleList(
            [
                self.stage(block, planes, count, stride)
                for planes, count, stride in zip([64, 128, 256, 512], num_blocks, [1, 2, 2, 2], strict=True)
            ]
        )
        self.classifier = nn.Linear(512 * block.expansion, num_classes)

    def stage(self, block, planes, count, stride):
        blocks = nn.Sequential()
        for i in range(count):
            blocks.append(block(self.in_planes, planes, stride if i == 0 else 1))
            self.in_planes = planes * block.expansion
        return blocks

    def forward(self, x):
        x = self.stem(x)
        for stage in self.stages:
            x = stage(x)
        return self.classifier(x.mean(dim=[2, 3]))
