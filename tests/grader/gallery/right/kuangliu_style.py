"""As in the popular CIFAR repositories: an empty Sequential for the identity, strides in a list, avg_pool2d(out, 4)."""

import torch.nn as nn
import torch.nn.functional as F


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super(BasicBlock, self).__init__()  # noqa: UP008
        self.c1 = nn.Conv2d(in_planes, planes, 3, stride=stride, padding=1, bias=False)
        self.n1 = nn.BatchNorm2d(planes)
        self.c2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.n2 = nn.BatchNorm2d(planes)
        self.short = nn.Sequential()
        if stride != 1 or in_planes != self.expansion * planes:
            self.short = nn.Sequential(
                nn.Conv2d(in_planes, self.expansion * planes, 1, stride=stride, bias=False),
                nn.BatchNorm2d(self.expansion * planes),
            )

    def forward(self, x):
        out = F.relu(self.n1(self.c1(x)))
        out = self.n2(self.c2(out))
        out += self.short(x)
        out = F.relu(out)
        return out


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        super(Bottleneck, self).__init__()  # noqa: UP008
        self.c1 = nn.Conv2d(in_planes, planes, 1, bias=False)
        self.n1 = nn.BatchNorm2d(planes)
        self.c2 = nn.Conv2d(planes, planes, 3, stride=stride, padding=1, bias=False)
        self.n2 = nn.BatchNorm2d(planes)
        self.c3 = nn.Conv2d(planes, self.expansion * planes, 1, bias=False)
        self.n3 = nn.BatchNorm2d(self.expansion * planes)
        self.short = nn.Sequential()
        if stride != 1 or in_planes != self.expansion * planes:
            self.short = nn.Sequential(
                nn.Conv2d(in_planes, self.expansion * planes, 1, stride=stride, bias=False),
                nn.BatchNorm2d(self.expansion * planes),
            )

    def forward(self, x):
        out = F.relu(self.n1(self.c1(x)))
        out = F.relu(self.n2(self.c2(out)))
        out = self.n3(self.c3(out))
        out += self.short(x)
        out = F.relu(out)
        return out


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super(ResNet, self).__init__()  # noqa: UP008
        self.in_planes = 64
        self.c1 = nn.Conv2d(3, 64, 3, padding=1, bias=False)
        self.n1 = nn.BatchNorm2d(64)
        self.stage1 = self.stage(block, 64, num_blocks[0], 1)
        self.stage2 = self.stage(block, 128, num_blocks[1], 2)
        self.stage3 = self.stage(block, 256, num_blocks[2], 2)
        self.stage4 = self.stage(block, 512, num_blocks[3], 2)
        self.fc = nn.Linear(512 * block.expansion, num_classes)

    def stage(self, block, planes, count, stride):
        strides = [stride] + [1] * (count - 1)
        layers = []
        for stride in strides:
            layers.append(block(self.in_planes, planes, stride))
            self.in_planes = planes * block.expansion
        return nn.Sequential(*layers)

    def forward(self, x):
        out = F.relu(self.n1(self.c1(x)))
        out = self.stage1(out)
        out = self.stage2(out)
        out = self.stage3(out)
        out = self.stage4(out)
        out = F.avg_pool2d(out, 4)
        out = out.view(out.size(0), -1)
        return self.fc(out)


def ResNet18():
    return ResNet(BasicBlock, [2, 2, 2, 2])


def ResNet34():
    return ResNet(BasicBlock, [3, 4, 6, 3])


def ResNet50():
    return ResNet(Bottleneck, [3, 4, 6, 3])


def test():
    net = ResNet18()
    print(net)
