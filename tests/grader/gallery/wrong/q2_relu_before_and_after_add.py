"""A ReLU after every BatchNorm, the last one of F(x) included."""

# question: q2
# misconception: relu_before_and_after_add
# evidence: F(x) is never negative

import torch.nn as nn


class ConvBNReLU(nn.Sequential):
    def __init__(self, cin, cout, kernel, stride=1):
        super().__init__(
            nn.Conv2d(cin, cout, kernel, stride, padding=(kernel - 1) // 2, bias=False),
            nn.BatchNorm2d(cout),
            nn.ReLU(inplace=True),
        )


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.squeeze = ConvBNReLU(in_planes, planes, 1)
        self.process = ConvBNReLU(planes, planes, 3, stride)
        self.expand = ConvBNReLU(planes, planes * 4, 1)
        self.shortcut = nn.Sequential()
        if stride != 1 or in_planes != planes * 4:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_planes, planes * 4, 1, stride, bias=False), nn.BatchNorm2d(planes * 4)
            )

    def forward(self, x):
        out = self.expand(self.process(self.squeeze(x)))
        return (out + self.shortcut(x)).relu()
