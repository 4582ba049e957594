"""All three convolutions carry the stride."""

# question: q2
# misconception: stride_on_all_convs
# evidence: F(x) is an eighth of the size of x at stride 2, so the addition raises

import torch.nn as nn


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        widths = [in_planes, planes, planes, planes * self.expansion]
        kernels = [1, 3, 1]
        layers = []
        for i in range(3):
            layers.append(
                nn.Conv2d(widths[i], widths[i + 1], kernels[i], stride=stride, padding=kernels[i] // 2, bias=False)
            )
            layers.append(nn.BatchNorm2d(widths[i + 1]))
            if i < 2:
                layers.append(nn.ReLU())
        self.layers = nn.Sequential(*layers)
        self.shortcut = nn.Sequential()
        if stride != 1 or in_planes != widths[-1]:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_planes, widths[-1], 1, stride=stride, bias=False), nn.BatchNorm2d(widths[-1])
            )

    def forward(self, x):
        return nn.functional.relu(self.layers(x) + self.shortcut(x))
