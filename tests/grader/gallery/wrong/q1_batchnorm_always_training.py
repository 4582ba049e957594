"""BatchNorm is called with training=True, whatever the mode."""

# question: q1
# misconception: batchnorm_always_training
# evidence: in eval mode an image's result depends on the rest of the batch

import torch.nn as nn
import torch.nn.functional as F


def normalize(bn, x):
    return F.batch_norm(x, bn.running_mean, bn.running_var, bn.weight, bn.bias, training=True)


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.conv1 = nn.Conv2d(in_planes, planes, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.conv3 = self.bn3 = None
        if stride != 1 or in_planes != planes:
            self.conv3 = nn.Conv2d(in_planes, planes, 1, stride, bias=False)
            self.bn3 = nn.BatchNorm2d(planes)

    def forward(self, x):
        out = F.relu(normalize(self.bn1, self.conv1(x)))
        out = normalize(self.bn2, self.conv2(out))
        if self.conv3 is not None:
            x = normalize(self.bn3, self.conv3(x))
        return F.relu(out + x)
