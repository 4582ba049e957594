"""A log-softmax, as if the loss were NLLLoss."""

# question: q3
# misconception: log_softmax_output
# evidence: the exponentials of the logits add up to one

import torch.nn as nn


class ResNet(nn.Module):
    """Stem, body, head, each a Sequential."""

    def __init__(self, block, num_blocks, num_classes=10):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 64, 3, padding=1, bias=False), nn.BatchNorm2d(64), nn.ReLU())
        body, channels = [], 64
        for number, count in enumerate(num_blocks):
            planes = 64 * 2**number
            for i in range(count):
                stride = 2 if number > 0 and i == 0 else 1
                body.append(block(channels, planes, stride))
                channels = planes * block.expansion
        self.body = nn.Sequential(*body)
        self.head = nn.Sequential(
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, num_classes), nn.LogSoftmax(dim=1)
        )

    def forward(self, x):
        return self.head(self.body(self.stem(x)))
