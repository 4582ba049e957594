"""A careful beginner: every layer is spelled out, every shape printed or asserted, no loops where none are needed."""

import torch
import torch.nn as nn

# ruff: noqa: B007, SIM108

DEBUG = False


def debug(*things):
    if DEBUG:
        print(*things)


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        assert stride == 1 or stride == 2, "stride is 1 or 2"
        self.in_planes = in_planes
        self.planes = planes
        self.stride = stride
        # first convolution
        self.conv1 = nn.Conv2d(
            in_channels=in_planes, out_channels=planes, kernel_size=3, stride=stride, padding=1, bias=False
        )
        self.bn1 = nn.BatchNorm2d(planes)
        self.relu1 = nn.ReLU()
        # second convolution
        self.conv2 = nn.Conv2d(in_channels=planes, out_channels=planes, kernel_size=3, stride=1, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.relu2 = nn.ReLU()
        # shortcut
        if stride == 1 and in_planes == planes:
            self.shortcut_needed = False
        else:
            self.shortcut_needed = True
            self.shortcut_conv = nn.Conv2d(in_planes, planes, kernel_size=1, stride=stride, bias=False)
            self.shortcut_bn = nn.BatchNorm2d(planes)

    def forward(self, x):
        assert x.shape[1] == self.in_planes, f"expected {self.in_planes} channels, got {x.shape[1]}"
        if self.shortcut_needed == False:  # noqa: E712
            shortcut = x
        else:
            shortcut = self.shortcut_conv(x)
            shortcut = self.shortcut_bn(shortcut)
        debug("shortcut", shortcut.shape)
        out = self.conv1(x)
        out = self.bn1(out)
        out = self.relu1(out)
        out = self.conv2(out)
        out = self.bn2(out)
        assert out.shape == shortcut.shape
        out = out + shortcut
        out = self.relu2(out)
        return out


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(in_planes, planes, kernel_size=1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(planes, planes, kernel_size=3, stride=stride, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.relu2 = nn.ReLU()
        self.conv3 = nn.Conv2d(planes, planes * 4, kernel_size=1, bias=False)
        self.bn3 = nn.BatchNorm2d(planes * 4)
        self.relu3 = nn.ReLU()
        self.dropout = nn.Dropout(p=0.0)  # I tried 0.1 but it got worse
        if stride == 1 and in_planes == planes * 4:
            self.shortcut_needed = False
        else:
            self.shortcut_needed = True
            self.shortcut_conv = nn.Conv2d(in_planes, planes * 4, kernel_size=1, stride=stride, bias=False)
            self.shortcut_bn = nn.BatchNorm2d(planes * 4)

    def forward(self, x):
        if self.shortcut_needed:
            shortcut = self.shortcut_bn(self.shortcut_conv(x))
        else:
            shortcut = x
        out = self.relu1(self.bn1(self.conv1(x)))
        out = self.relu2(self.bn2(self.conv2(out)))
        out = self.dropout(self.bn3(self.conv3(out)))
        out = out + shortcut
        out = self.relu3(out)
        return out


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, kernel_size=3, stride=1, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.relu = nn.ReLU()
        # stage 1
        stage1 = []
        stage1.append(block(64, 64, 1))
        for i in range(1, num_blocks[0]):
            stage1.append(block(64 * block.expansion, 64, 1))
        self.stage1 = nn.Sequential(*stage1)
        # stage 2
        stage2 = []
        stage2.append(block(64 * block.expansion, 128, 2))
        for i in range(1, num_blocks[1]):
            stage2.append(block(128 * block.expansion, 128, 1))
        self.stage2 = nn.Sequential(*stage2)
        # stage 3
        stage3 = []
        stage3.append(block(128 * block.expansion, 256, 2))
        for i in range(1, num_blocks[2]):
            stage3.append(block(256 * block.expansion, 256, 1))
        self.stage3 = nn.Sequential(*stage3)
        # stage 4
        stage4 = []
        stage4.append(block(256 * block.expansion, 512, 2))
        for i in range(1, num_blocks[3]):
            stage4.append(block(512 * block.expansion, 512, 1))
        self.stage4 = nn.Sequential(*stage4)
        self.fc = nn.Linear(512 * block.expansion, num_classes)

    def forward(self, x):
        out = self.conv1(x)
        out = self.bn1(out)
        out = self.relu(out)
        out = self.stage1(out)
        debug("after stage 1", out.shape)
        out = self.stage2(out)
        out = self.stage3(out)
        out = self.stage4(out)
        debug("after stage 4", out.shape)
        out = nn.AvgPool2d(kernel_size=4)(out)
        out = out.reshape(out.shape[0], -1)
        out = self.fc(out)
        return out


def ResNet18():
    num_blocks = [2, 2, 2, 2]
    model = ResNet(BasicBlock, num_blocks)
    return model


# test the blocks
x = torch.randn(2, 64, 32, 32)
block = BasicBlock(64, 128, 2)
y = block(x)
print(y.shape)
assert y.shape == (2, 128, 16, 16)
