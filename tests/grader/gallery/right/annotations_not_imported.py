"""Annotations with names that are not imported: Python 3.14 does not evaluate them."""

import torch.nn.functional as F
from torch import nn

# ruff: noqa: F821


class BasicBlock(nn.Module):
    expansion: Final = 1

    def __init__(self, in_planes: int, planes: int, stride: Literal[1, 2] = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_planes, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        layers: list[nn.Modul] = []
        if stride != 1 or in_planes != planes:
            layers = [nn.Conv2d(in_planes, planes, 1, stride, bias=False), nn.BatchNorm2d(planes)]
        self.shortcut: Optional[nn.Sequential] = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(out)) + self.shortcut(x))
