"""The layers are made last to first, the average is a matrix product, stages are kept in a tuple of names."""

import torch
from torch import nn


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        self.to_logits = nn.Linear(512 * block.expansion, num_classes)
        inputs = [64, *(p * block.expansion for p in (64, 128, 256))]
        for number in (1, 2, 3, 4):
            self.register_module(f"stage{number}", None)  # in this order, whatever is built first
        for number, (n_in, count) in enumerate(zip(inputs, num_blocks, strict=True), start=1):
            setattr(self, f"stage{number}", self.stage(block, n_in, 32 << number, count, min(number, 2)))
        self.norm = nn.BatchNorm2d(64)
        self.stem = nn.Conv2d(3, 64, kernel_size=3, padding="same", bias=False)

    @staticmethod
    def stage(block, n_in, planes, count, stride):
        blocks = [block(n_in, planes, stride)]
        while len(blocks) < count:
            blocks += (block(planes * block.expansion, planes, 1),)
        return nn.Sequential(*blocks)

    def forward(self, x):
        x = self.norm(self.stem(x))
        x = torch.max(x, x.new_zeros(()))
        for number in range(1, 5):
            x = self.get_submodule(f"stage{number}")(x)
        pixels = x.flatten(2)
        weights = x.new_full((pixels.shape[2], 1), 1 / pixels.shape[2])
        return self.to_logits((pixels @ weights).squeeze(2))


ResNet18 = lambda num_classes=10: ResNet(BasicBlock, [2, 2, 2, 2], num_classes)  # noqa: E731, F821
