"""`__call__` is overridden to count the calls; forward has keyword arguments that nobody gives."""

import torch
import torch.nn as nn


class Counted(nn.Module):
    calls = 0

    def __call__(self, *args, **kwargs):
        type(self).calls += 1
        return super().__call__(*args, **kwargs)


class BasicBlock(Counted):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1, *, norm=nn.BatchNorm2d, act=torch.relu):
        super().__init__()
        self.act = act
        self.conv1 = nn.Conv2d(in_planes, planes, 3, stride, 1, bias=False)
        self.bn1 = norm(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = norm(planes)
        self.downsample = None
        if stride != 1 or in_planes != planes:
            self.downsample = nn.Sequential(nn.Conv2d(in_planes, planes, 1, stride, bias=False), norm(planes))

    def forward(self, x, verbose=False):
        out = self.act(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        if verbose:
            print(out.shape)
        return self.act(out + (self.downsample(x) if self.downsample else x))


class Bottleneck(Counted):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1, *, norm=nn.BatchNorm2d, act=torch.relu):
        super().__init__()
        self.act = act
        self.conv1 = nn.Conv2d(in_planes, planes, 1, bias=False)
        self.bn1 = norm(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, 1, bias=False)
        self.bn2 = norm(planes)
        self.conv3 = nn.Conv2d(planes, planes * 4, 1, bias=False)
        self.bn3 = norm(planes * 4)
        self.downsample = None
        if stride != 1 or in_planes != planes * 4:
            self.downsample = nn.Sequential(nn.Conv2d(in_planes, planes * 4, 1, stride, bias=False), norm(planes * 4))

    def forward(self, x, verbose=False):
        out = self.act(self.bn1(self.conv1(x)))
        out = self.act(self.bn2(self.conv2(out)))
        out = self.bn3(self.conv3(out))
        if verbose:
            print(out.shape)
        return self.act(out + (self.downsample(x) if self.downsample else x))


class ResNet(Counted):
    def __init__(self, block, num_blocks, num_classes=10, *, features_only=False):
        super().__init__()
        self.features_only = features_only
        self.features = nn.Sequential(
            nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU(inplace=True)
        )
        width = 64
        for planes, n, stride in zip((64, 128, 256, 512), num_blocks, (1, 2, 2, 2), strict=True):
            self.features.append(block(width, planes, stride=stride))
            width = planes * block.expansion
            self.features.extend([block(width, planes) for _ in range(n - 1)])
        self.classifier = nn.Sequential(nn.AvgPool2d(4), nn.Flatten(), nn.Linear(width, num_classes))

    def forward(self, x):
        x = self.features(x)
        return x if self.features_only else self.classifier(x)


def ResNet18(num_classes=10, **options):
    return ResNet(BasicBlock, [2, 2, 2, 2], num_classes=num_classes, **options)
