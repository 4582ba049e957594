"""As in textbooks: a flag for the 1x1 convolution, a function that returns a list of blocks, b1 to b5."""

import torch
import torch.nn as nn
import torch.nn.functional as F


class Residual(nn.Module):
    """The residual block: 3x3, 3x3."""

    def __init__(self, num_channels, input_channels, use_1x1conv=False, strides=1):
        super().__init__()
        self.conv1 = nn.Conv2d(input_channels, num_channels, kernel_size=3, padding=1, stride=strides, bias=False)
        self.conv2 = nn.Conv2d(num_channels, num_channels, kernel_size=3, padding=1, bias=False)
        if use_1x1conv:
            self.conv3 = nn.Conv2d(input_channels, num_channels, kernel_size=1, stride=strides, bias=False)
            self.bn3 = nn.BatchNorm2d(num_channels)
        else:
            self.conv3 = None
        self.bn1 = nn.BatchNorm2d(num_channels)
        self.bn2 = nn.BatchNorm2d(num_channels)

    def forward(self, X):
        Y = F.relu(self.bn1(self.conv1(X)))
        Y = self.bn2(self.conv2(Y))
        if self.conv3:
            X = self.bn3(self.conv3(X))
        Y += X
        return F.relu(Y)


class BasicBlock(Residual):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__(planes, in_planes, use_1x1conv=stride > 1 or in_planes != planes, strides=stride)


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.conv4 = None
        if stride > 1 or in_planes != 4 * planes:
            self.conv4 = nn.Conv2d(in_planes, 4 * planes, kernel_size=1, stride=stride, bias=False)
            self.bn4 = nn.BatchNorm2d(4 * planes)
        self.conv1 = nn.Conv2d(in_planes, planes, kernel_size=1, bias=False)
        self.conv2 = nn.Conv2d(planes, planes, kernel_size=3, padding=1, stride=stride, bias=False)
        self.conv3 = nn.Conv2d(planes, 4 * planes, kernel_size=1, bias=False)
        self.bn1, self.bn2, self.bn3 = nn.BatchNorm2d(planes), nn.BatchNorm2d(planes), nn.BatchNorm2d(4 * planes)

    def forward(self, X):
        Y = F.relu(self.bn1(self.conv1(X)))
        Y = F.relu(self.bn2(self.conv2(Y)))
        Y = self.bn3(self.conv3(Y))
        if self.conv4 is not None:
            X = self.bn4(self.conv4(X))
        return F.relu(Y + X)


def resnet_block(block, in_planes, planes, num_residuals, first_block=False):
    blk = []
    for i in range(num_residuals):
        if i == 0 and not first_block:
            blk.append(block(in_planes, planes, 2))
        elif i == 0:
            blk.append(block(in_planes, planes))
        else:
            blk.append(block(planes * block.expansion, planes))
    return blk


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        e = block.expansion
        b1 = nn.Sequential(nn.Conv2d(3, 64, kernel_size=3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU())
        b2 = nn.Sequential(*resnet_block(block, 64, 64, num_blocks[0], first_block=True))
        b3 = nn.Sequential(*resnet_block(block, 64 * e, 128, num_blocks[1]))
        b4 = nn.Sequential(*resnet_block(block, 128 * e, 256, num_blocks[2]))
        b5 = nn.Sequential(*resnet_block(block, 256 * e, 512, num_blocks[3]))
        self.net = nn.Sequential(
            b1, b2, b3, b4, b5, nn.AdaptiveAvgPool2d((1, 1)), nn.Flatten(), nn.Linear(512 * e, num_classes)
        )

    def forward(self, X):
        return self.net(X)


def ResNet18():
    return ResNet(BasicBlock, (2, 2, 2, 2))


X = torch.rand(size=(1, 3, 32, 32))
for layer in ResNet18().net:
    X = layer(X)
    print(layer.__class__.__name__, "output shape:\t", X.shape)
