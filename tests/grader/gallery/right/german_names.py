"""German names and comments, with umlauts, ß and Greek letters as identifiers."""

import torch
from torch import nn

# Größen des Netzes
STUFEN = (64, 128, 256, 512)
ε = 1e-5


def faltung(ein: int, aus: int, größe: int, schritt: int = 1) -> nn.Conv2d:
    """Eine Faltung ohne Verschiebung, denn die übernimmt die Normierung."""
    return nn.Conv2d(ein, aus, größe, stride=schritt, padding=größe // 2, bias=False)


def normierung(kanäle: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(kanäle, eps=ε)


class Grundlage(nn.Module):
    """Was beide Blöcke gemeinsam haben: die Abkürzung und die Summe."""

    def abkürzung_anlegen(self, ein: int, aus: int, schritt: int) -> None:
        if schritt == 1 and ein == aus:
            self.abkürzung = nn.Identity()  # nichts zu tun
        else:
            self.abkürzung = nn.Sequential(faltung(ein, aus, 1, schritt), normierung(aus))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        δ = self.rest(x)
        return torch.relu(self.abkürzung(x) + δ)  # erst addieren, dann abschneiden!


class BasicBlock(Grundlage):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.rest = nn.Sequential(
            faltung(in_planes, planes, 3, stride),
            normierung(planes),
            nn.ReLU(),
            faltung(planes, planes, 3),
            normierung(planes),
        )
        self.abkürzung_anlegen(in_planes, planes, stride)


class Bottleneck(Grundlage):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        weit = self.expansion * planes
        self.rest = nn.Sequential(
            *(faltung(in_planes, planes, 1), normierung(planes), nn.ReLU()),
            *(faltung(planes, planes, 3, stride), normierung(planes), nn.ReLU()),
            *(faltung(planes, weit, 1), normierung(weit)),
        )
        self.abkürzung_anlegen(in_planes, weit, stride)


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        self.anfang = nn.Sequential(faltung(3, 64, 3), normierung(64), nn.ReLU())
        self.stufen = nn.Sequential()
        breite = 64
        for nr, (planes, anzahl) in enumerate(zip(STUFEN, num_blocks, strict=True)):
            for i in range(anzahl):
                schritt = 2 if nr > 0 and i == 0 else 1
                self.stufen.append(block(in_planes=breite, planes=planes, stride=schritt))
                breite = block.expansion * planes
        self.schluß = nn.Linear(breite, num_classes)

    def forward(self, x):
        merkmale = self.stufen(self.anfang(x))
        return self.schluß(merkmale.mean(dim=(2, 3)))


def ResNet18():
    return ResNet(BasicBlock, [2, 2, 2, 2])
