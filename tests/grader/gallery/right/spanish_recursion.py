"""Nombres en español; the stages are built by recursion, the pooling is one mean after another."""

from torch import nn


def capas(bloque, entrada, planes, cuántos, paso):
    """Los bloques de una etapa, el primero con su paso y los demás por recursión."""
    if cuántos == 0:
        return []
    salida = planes * bloque.expansion
    return [bloque(entrada, planes, paso), *capas(bloque, salida, planes, cuántos - 1, 1)]


def etapas(bloque, entrada, planes, cuántos, paso=1):
    """Una etapa tras otra, cada una con el doble de planos."""
    if not cuántos:
        return nn.Identity()
    primero, *resto = cuántos
    ésta = nn.Sequential(*capas(bloque, entrada, planes, primero, paso))
    return nn.Sequential(ésta, etapas(bloque, planes * bloque.expansion, planes * 2, resto, paso=2))


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        self.cabeza = nn.Linear(512 * block.expansion, num_classes)
        self.cuerpo = etapas(block, 64, 64, num_blocks)
        self.principio = nn.Sequential(nn.Conv2d(3, 64, 3, 1, 1, bias=False), nn.BatchNorm2d(64), nn.ReLU(True))

    def forward(self, imágenes):
        x = self.cuerpo(self.principio(imágenes))
        return self.cabeza(x.mean(-1).mean(-1))


def ResNet18():
    return ResNet(BasicBlock, [2, 2, 2, 2])  # noqa: F821
