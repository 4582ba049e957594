"""Layers and parameters under two names: in `nn.Sequential`, `ParameterList` and a buffer; there is an extra state."""

import torch
import torch.nn.functional as F
from torch import nn


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(in_planes, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.body = nn.Sequential(self.conv1, self.bn1, nn.ReLU(), self.conv2, self.bn2)
        self.shortcut = nn.Sequential()
        if stride != 1 or in_planes != planes:
            self.shortcut = nn.Sequential(nn.Conv2d(in_planes, planes, 1, stride, bias=False), nn.BatchNorm2d(planes))
        self.branches = nn.ModuleDict({"F": self.body, "x": self.shortcut})

    def forward(self, x):
        return F.relu(self.branches["F"](x) + self.branches["x"](x))


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        out_planes = self.expansion * planes
        self.conv1 = nn.Conv2d(in_planes, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = nn.Conv2d(planes, out_planes, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_planes)
        self.convs = nn.ModuleList([self.conv1, self.conv2, self.conv3])
        self.bns = nn.ModuleList([self.bn1, self.bn2, self.bn3])
        self.scales = nn.ParameterList([bn.weight for bn in self.bns])  # for an optimizer without their decay
        self.shortcut = None
        if stride != 1 or in_planes != out_planes:
            conv = nn.Conv2d(in_planes, out_planes, 1, stride, bias=False)
            self.shortcut = nn.Sequential(conv, nn.BatchNorm2d(out_planes))

    def forward(self, x):
        out = x
        for i, (conv, bn) in enumerate(zip(self.convs, self.bns, strict=True)):
            out = bn(conv(out))
            if i < 2:
                out = F.relu(out)
        return F.relu(out + (x if self.shortcut is None else self.shortcut(x)))


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        self.in_planes = 64
        self.conv1 = nn.Conv2d(3, 64, 3, 1, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = self._make_layer(block, 64, num_blocks[0], 1)
        self.layer2 = self._make_layer(block, 128, num_blocks[1], 2)
        self.layer3 = self._make_layer(block, 256, num_blocks[2], 2)
        self.layer4 = self._make_layer(block, 512, num_blocks[3], 2)
        self.linear = nn.Linear(512 * block.expansion, num_classes)
        self.stem = nn.Sequential(self.conv1, self.bn1, nn.ReLU())
        self.stages = nn.ModuleList([self.layer1, self.layer2, self.layer3, self.layer4])
        self.all_blocks = nn.ModuleList([b for stage in self.stages for b in stage])
        self.register_buffer("stem_scale", self.bn1.weight)  # to look at it in the state
        self.head_bias = self.linear.bias

    def _make_layer(self, block, planes, number, stride):
        layers = []
        for i in range(number):
            layers.append(block(self.in_planes, planes, stride if i == 0 else 1))
            self.in_planes = planes * block.expansion
        return nn.Sequential(*layers)

    def get_extra_state(self):
        return {"format": 2, "blocks": len(self.all_blocks)}

    def set_extra_state(self, state):
        assert state["format"] == 2

    def forward(self, x):
        out = self.stem(x)
        for b in self.all_blocks:
            out = b(out)
        return self.linear(torch.flatten(F.adaptive_avg_pool2d(out, 1), 1))


def ResNet18():
    return ResNet(BasicBlock, [2, 2, 2, 2])
