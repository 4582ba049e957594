"""Functions all the way down: combinators `chain` and `residual` make modules, classes only hold the result."""

from torch import nn


class Fn(nn.Module):
    """A module whose forward is a function of its parts."""

    def __init__(self, function, *parts):
        super().__init__()
        self.function = function
        self.parts = nn.ModuleList(parts)

    def forward(self, x):
        return self.function(x, *self.parts)


def chain(*parts):
    def run(x, *parts):
        if not parts:
            return x
        first, *rest = parts
        return run(first(x), *rest)

    return Fn(run, *parts)


def parallel_sum(left, right):
    return Fn(lambda x, f, g: f(x) + g(x), left, right)


def rectified(part):
    return Fn(lambda x, f: f(x).relu(), part)


def convolve(n_in, n_out, size, stride=1):
    return chain(nn.Conv2d(n_in, n_out, size, stride, size // 2, bias=False), nn.BatchNorm2d(n_out))


def identity_or_projection(n_in, n_out, stride):
    return chain() if stride == 1 and n_in == n_out else convolve(n_in, n_out, 1, stride)


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        f = chain(rectified(convolve(in_planes, planes, 3, stride)), convolve(planes, planes, 3))
        self.all = rectified(parallel_sum(identity_or_projection(in_planes, planes, stride), f))

    def forward(self, x):
        return self.all(x)


class Bottleneck(nn.Module):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        wide = planes * 4
        f = chain(
            rectified(convolve(in_planes, planes, 1)),
            rectified(convolve(planes, planes, 3, stride)),
            convolve(planes, wide, 1),
        )
        self.all = rectified(parallel_sum(identity_or_projection(in_planes, wide, stride), f))

    def forward(self, x):
        return self.all(x)


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()

        def stage(n_in, planes, count, stride):
            def at(i):
                return block(planes * block.expansion, planes) if i else block(n_in, planes, stride)

            return chain(*map(at, range(count)))

        def head(x, linear):
            return linear(x.mean((2, 3)))

        e, (a, b, c, d) = block.expansion, num_blocks
        stages = stage(64, 64, a, 1), stage(64 * e, 128, b, 2), stage(128 * e, 256, c, 2), stage(256 * e, 512, d, 2)
        self.all = chain(rectified(convolve(3, 64, 3)), *stages, Fn(head, nn.Linear(512 * e, num_classes)))

    def forward(self, x):
        return self.all(x)


def ResNet18():
    return ResNet(BasicBlock, [2, 2, 2, 2])
