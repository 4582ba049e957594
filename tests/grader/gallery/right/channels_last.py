"""For speed: channels_last memory format, autocast and cudnn settings where there is a GPU, `.to(device)` inside."""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.backends.cudnn.benchmark = True
torch.set_float32_matmul_precision("high")
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
USE_AMP = torch.cuda.is_available()


class ConvBN(nn.Sequential):
    def __init__(self, n_in, n_out, size, stride=1):
        super().__init__(nn.Conv2d(n_in, n_out, size, stride, size // 2, bias=False), nn.BatchNorm2d(n_out))


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.a, self.b = ConvBN(in_planes, planes, 3, stride), ConvBN(planes, planes, 3)
        self.c = ConvBN(in_planes, planes, 1, stride) if stride != 1 or in_planes != planes else nn.Identity()
        self.to(device, memory_format=torch.channels_last)

    def forward(self, x):
        x = x.contiguous(memory_format=torch.channels_last)
        return F.relu(self.b(F.relu(self.a(x), inplace=True)) + self.c(x), inplace=True)


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        wide = 4 * planes
        self.a, self.b, self.d = (
            ConvBN(in_planes, planes, 1),
            ConvBN(planes, planes, 3, stride),
            ConvBN(planes, wide, 1),
        )
        self.c = ConvBN(in_planes, wide, 1, stride) if stride != 1 or in_planes != wide else nn.Identity()
        self.to(device, memory_format=torch.channels_last)

    def forward(self, x):
        x = x.contiguous(memory_format=torch.channels_last)
        y = F.relu(self.b(F.relu(self.a(x), inplace=True)), inplace=True)
        return F.relu(self.d(y) + self.c(x), inplace=True)


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        self.stem = ConvBN(3, 64, 3)
        width = 64
        self.stages = nn.ModuleList()
        for planes, n in zip([64, 128, 256, 512], num_blocks, strict=True):
            stage = []
            for i in range(n):
                stage.append(block(width, planes, 2 if i == 0 and planes > 64 else 1))
                width = planes * block.expansion
            self.stages.append(nn.Sequential(*stage))
        self.head = nn.Linear(width, num_classes)
        self.to(device=device, memory_format=torch.channels_last)

    def forward(self, x):
        with torch.autocast(device.type, enabled=USE_AMP):
            x = F.relu(self.stem(x.to(memory_format=torch.channels_last)))
            for stage in self.stages:
                x = stage(x)
            x = self.head(x.mean([2, 3]))
        return x.float()


def ResNet18():
    return ResNet(BasicBlock, [2, 2, 2, 2]).to(device)
