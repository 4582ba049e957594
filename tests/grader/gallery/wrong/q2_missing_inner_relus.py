"""No ReLU inside F(x)."""

# question: q2
# misconception: missing_inner_relus
# evidence: F(x) is a linear map in eval mode

from torch import nn


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        out_planes = planes * self.expansion
        self.f = nn.Sequential(
            nn.Conv2d(in_planes, planes, kernel_size=1, bias=False),
            nn.BatchNorm2d(planes),
            nn.Conv2d(planes, planes, kernel_size=3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(planes),
            nn.Conv2d(planes, out_planes, kernel_size=1, bias=False),
            nn.BatchNorm2d(out_planes),
        )
        self.shortcut = nn.Identity()
        if stride != 1 or in_planes != out_planes:
            self.shortcut = nn.Sequential(
                nn.Conv2d(in_planes, out_planes, kernel_size=1, stride=stride, bias=False), nn.BatchNorm2d(out_planes)
            )
        self.relu = nn.ReLU()

    def forward(self, x):
        return self.relu(self.f(x) + self.shortcut(x))
