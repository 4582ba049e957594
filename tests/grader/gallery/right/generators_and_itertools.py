"""A generator yields the blocks; itertools supplies widths and strides."""

from itertools import accumulate, chain, pairwise, repeat

from torch import nn


def blocks(block, num_blocks):
    """Yield every block of the network."""
    planes = list(accumulate(repeat(2, 3), lambda p, two: p * two, initial=64))
    every = list(chain.from_iterable(repeat(p, n) for p, n in zip(planes, num_blocks, strict=True)))
    inputs = chain([64], (p * block.expansion for p in every))
    for n_in, (before, now) in zip(inputs, pairwise([64, *every]), strict=False):
        yield block(n_in, now, 1 + (now > before))


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        self.blocks = nn.Sequential(*blocks(block, num_blocks))
        self.stem = nn.Sequential(nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU())
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.linear = nn.Linear(512 * block.expansion, num_classes)

    def forward(self, x):
        x = self.pool(self.blocks(self.stem(x)))
        return self.linear(x[:, :, 0, 0])


def ResNet18():
    return ResNet(BasicBlock, num_blocks=[2, 2, 2, 2])  # noqa: F821
