"""Every tensor is initialised by hand: orthogonal kernels, Xavier head, BatchNorm near one and near zero."""

import torch
import torch.nn as nn
import torch.nn.functional as F


@torch.no_grad()
def init_weights(module):
    match module:
        case nn.Conv2d():
            nn.init.orthogonal_(module.weight, gain=nn.init.calculate_gain("relu"))
        case nn.BatchNorm2d():
            nn.init.normal_(module.weight, mean=1.0, std=0.02)
            nn.init.trunc_normal_(module.bias, std=0.02)
        case nn.Linear():
            nn.init.xavier_uniform_(module.weight)
            module.bias.fill_(0.01)


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(in_planes, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.downsample = nn.Identity()
        if stride != 1 or in_planes != planes:
            self.downsample = nn.Sequential(nn.Conv2d(in_planes, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))
        self.apply(init_weights)

    def forward(self, x):
        out = self.bn2(self.conv2(F.relu(self.bn1(self.conv1(x)))))
        return F.relu(out + self.downsample(x))


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        wide = 4 * planes
        self.conv1 = nn.Conv2d(in_planes, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, wide, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(wide)
        self.downsample = nn.Identity()
        if stride != 1 or in_planes != wide:
            self.downsample = nn.Sequential(nn.Conv2d(in_planes, wide, 1, stride, bias=False), nn.BatchNorm2d(wide))
        self.apply(init_weights)

    def forward(self, x):
        out = F.relu(self.bn1(self.conv1(x)))
        out = F.relu(self.bn2(self.conv2(out)))
        return F.relu(self.bn3(self.conv3(out)) + self.downsample(x))


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        self.conv = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        self.bn = nn.BatchNorm2d(64)
        self.blocks = nn.Sequential()
        width = 64
        for planes, count in zip((64, 128, 256, 512), num_blocks, strict=True):
            for number in range(count):
                stride = 2 if number == 0 and planes > 64 else 1
                self.blocks.add_module(f"{planes}-{number}", block(width, planes, stride))
                width = planes * block.expansion
        self.linear = nn.Linear(width, num_classes)
        self.apply(init_weights)

    def forward(self, x):
        x = self.blocks(F.relu(self.bn(self.conv(x))))
        return self.linear(F.avg_pool2d(x, x.size(3)).squeeze(-1).squeeze(-1))


def ResNet18():
    return ResNet(BasicBlock, [2, 2, 2, 2])
