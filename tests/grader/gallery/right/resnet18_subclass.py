"""ResNet18 is a class of its own, and so are its bigger sisters; the table of depths lies in ResNet."""

from torch import nn


class ResNet(nn.Module):
    DEPTHS = {18: (2, 2, 2, 2), 34: (3, 4, 6, 3), 50: (3, 4, 6, 3)}  # noqa: RUF012
    PLANES = 64, 128, 256, 512

    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        self.width = 64
        self.stem = nn.Sequential(nn.Conv2d(3, self.width, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU())
        self.stages = nn.Sequential(*(self._stage(block, s, n) for s, n in enumerate(num_blocks)))
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(output_size=1), nn.Flatten(), nn.Linear(self.width, num_classes))

    def _stage(self, block, stage, count):
        return nn.Sequential(*(self._block(block, stage, first=i == 0) for i in range(count)))

    def _block(self, block, stage, *, first):
        made = block(self.width, self.PLANES[stage], stride=2 if first and stage > 0 else 1)
        self.width = self.PLANES[stage] * block.expansion
        return made

    def forward(self, x):
        return self.head(self.stages(self.stem(x)))


class ResNet18(ResNet):
    def __init__(self, num_classes=10):
        super().__init__(BasicBlock, self.DEPTHS[18], num_classes)  # noqa: F821


class ResNet50(ResNet):
    def __init__(self, num_classes=10):
        super().__init__(Bottleneck, self.DEPTHS[50], num_classes)  # noqa: F821
