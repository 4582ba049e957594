"""Terse: a ConvLayer with an optional activation, noop for the identity, everything a subclass of Sequential."""

from functools import partial

from torch import nn

act_fn = partial(nn.ReLU, inplace=True)


def noop(x):
    return x


def init_bn(nf, zero=False):
    bn = nn.BatchNorm2d(nf)
    nn.init.constant_(bn.weight, 0.0 if zero else 1.0)
    return bn


def conv_layer(ni, nf, ks=3, stride=1, zero=False, act=True):
    layers = [nn.Conv2d(ni, nf, ks, stride=stride, padding=ks // 2, bias=False), init_bn(nf, zero)]
    nn.init.kaiming_normal_(layers[0].weight)
    return nn.Sequential(*layers, act_fn()) if act else nn.Sequential(*layers)


class ResBlock(nn.Module):
    def __init__(self, ni, nh, stride=1):
        super().__init__()
        e = self.expansion
        nf = nh * e
        if e == 1:
            layers = [conv_layer(ni, nh, stride=stride), conv_layer(nh, nf, zero=True, act=False)]
        else:
            layers = [
                conv_layer(ni, nh, 1),
                conv_layer(nh, nh, stride=stride),
                conv_layer(nh, nf, 1, zero=True, act=False),
            ]
        self.convs = nn.Sequential(*layers)
        self.idconv = noop if (ni, stride) == (nf, 1) else conv_layer(ni, nf, 1, stride, act=False)
        self.act = act_fn()

    def forward(self, x):
        return self.act(self.convs(x) + self.idconv(x))


class BasicBlock(ResBlock):
    expansion = 1


class Bottleneck(ResBlock):
    expansion = 4


class ResNet(nn.Sequential):
    def __init__(self, block, num_blocks, num_classes=10):
        e = block.expansion
        szs = [64] + [64 * 2**i * e for i in range(4)]
        stages = [self.make(block, szs[i], szs[i + 1] // e, n, 1 if i == 0 else 2) for i, n in enumerate(num_blocks)]
        super().__init__(
            conv_layer(3, 64), *stages, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(szs[-1], num_classes)
        )

    @staticmethod
    def make(block, ni, nh, n, stride):
        return nn.Sequential(
            *[block(ni if i == 0 else nh * block.expansion, nh, stride if i == 0 else 1) for i in range(n)]
        )


def ResNet18():
    return ResNet(BasicBlock, [2, 2, 2, 2])
