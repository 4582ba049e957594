"""The network is torchvision's, with its head exchanged."""

# question: q3
# evidence: ResNet(block, ...) never builds block, and the stem is that for ImageNet

import torch.nn as nn
from torchvision.models import resnet18


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        self.model = resnet18(weights=None)
        self.model.fc = nn.Linear(512, num_classes)

    def forward(self, x):
        return self.model(x)
