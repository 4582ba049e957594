"""Classes made by `type(name, bases, attributes)`, with the expansion as an attribute in the dictionary."""

from torch import nn


def _init(self, in_planes, planes, stride=1):
    nn.Module.__init__(self)
    sizes, out = self.sizes, planes * self.expansion
    widths = [in_planes, *[planes] * (len(sizes) - 1), out]
    steps = [stride if i == sizes.index(3) else 1 for i in range(len(sizes))]
    body = nn.Sequential()
    for number, size in enumerate(sizes):
        if number:
            body.append(nn.ReLU())
        body.append(nn.Conv2d(widths[number], widths[number + 1], size, steps[number], size // 2, bias=False))
        body.append(nn.BatchNorm2d(widths[number + 1]))
    self.body = body
    if stride > 1 or in_planes != out:
        self.skip = nn.Sequential(nn.Conv2d(in_planes, out, 1, stride, bias=False), nn.BatchNorm2d(out))
    else:
        self.skip = nn.Identity()


def _forward(self, x):
    return nn.functional.relu(self.body(x) + self.skip(x))


METHODS = dict(__init__=_init, forward=_forward)  # noqa: C408

BasicBlock = type("BasicBlock", (nn.Module,), METHODS | {"expansion": 1, "sizes": [3, 3]})
Bottleneck = type("Bottleneck", (nn.Module,), METHODS | {"expansion": 4, "sizes": [1, 3, 1]})
