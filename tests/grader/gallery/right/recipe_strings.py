"""Each block is a recipe in a little language: `3s>1 r 3>1` is a strided 3x3, a ReLU, a 3x3."""

import json
import re

from torch import nn

RECIPES = json.loads('{"basic": "3s>1 r 3>1", "bottleneck": "1>1 r 3s>1 r 1>4"}')
WORD = re.compile(r"(?P<size>\d)(?P<strided>s?)>(?P<width>\d)")


def cook(recipe, n_in, planes, stride):
    """Yield the layers of a recipe."""
    for word in recipe.split():
        if word == "r":
            yield nn.ReLU(inplace=True)
            continue
        size, strided, width = WORD.match(word).groups()
        n_out = planes * int(width)
        yield nn.Conv2d(n_in, n_out, int(size), stride if strided else 1, int(size) // 2, bias=False)
        yield nn.BatchNorm2d(n_out)
        n_in = n_out


class FromRecipe(nn.Module):
    def __init_subclass__(cls, recipe):
        cls.recipe = RECIPES[recipe]
        cls.expansion = int(cls.recipe[-1])

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        out = planes * self.expansion
        self.main = nn.Sequential(*cook(self.recipe, in_planes, planes, stride))
        self.side = nn.Sequential(
            *cook(f"1s>{self.expansion}" if (stride, in_planes) != (1, out) else "", in_planes, planes, stride)
        )

    def forward(self, x):
        return nn.functional.relu(self.main(x) + self.side(x))


class BasicBlock(FromRecipe, recipe="basic"):
    pass


class Bottleneck(FromRecipe, recipe="bottleneck"):
    pass
