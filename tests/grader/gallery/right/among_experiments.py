"""The classes lie among everything else that a notebook holds: data, training, plots, tests, notes in between."""

import random
import sys
import time

import torch
import torch.nn as nn
import torch.nn.functional as F

# ruff: noqa: B007

sys.path.insert(0, "/content/drive/MyDrive/homework")
random.seed(0)
torch.manual_seed(0)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
num_classes, lr, epochs = 10, 0.1, 200

if torch.cuda.is_available():
    print(torch.cuda.get_device_name(0))


def conv_block(i, o, k, s=1):
    return [nn.Conv2d(i, o, k, s, k // 2, bias=False), nn.BatchNorm2d(o)]


class BasicBlock(nn.Module):
    expansion = 1

    def __init__(self, in_planes, planes, stride=1):
        super().__init__()
        self.path = nn.Sequential(*conv_block(in_planes, planes, 3, stride), nn.ReLU(), *conv_block(planes, planes, 3))
        self.short = nn.Sequential(
            *(conv_block(in_planes, planes, 1, stride) if stride != 1 or in_planes != planes else [])
        )

    def forward(self, x):
        return F.relu(self.path(x) + self.short(x))


block = BasicBlock(64, 64).to(device)
x = torch.randn(1, 64, 32, 32, device=device)
start = time.time()
for i in range(100):
    y = block(x)
print(f"{(time.time() - start) / 100:.4f} s per block")
del block, x, y


def test_block():
    assert BasicBlock(64, 128, 2)(torch.randn(1, 64, 8, 8)).shape == (1, 128, 4, 4)


test_block()


class Bottleneck(BasicBlock):
    expansion = 4

    def __init__(self, in_planes, planes, stride=1):
        nn.Module.__init__(self)
        out = planes * self.expansion
        squeeze, process = conv_block(in_planes, planes, 1), conv_block(planes, planes, 3, stride)
        self.path = nn.Sequential(*squeeze, nn.ReLU(), *process, nn.ReLU(), *conv_block(planes, out, 1))
        self.short = nn.Sequential(*(conv_block(in_planes, out, 1, stride) if stride != 1 or in_planes != out else []))


best_accuracy = 0.0
history = {"loss": [], "accuracy": []}


class ResNet(nn.Module):
    def __init__(self, block, num_blocks, num_classes=num_classes):
        super().__init__()
        self.in_planes = 64
        self.features = nn.Sequential(*conv_block(3, 64, 3), nn.ReLU())
        for i, n in enumerate(num_blocks):
            self.features.add_module(f"stage{i + 1}", self.stage(block, 64 * 2**i, n, 1 if i == 0 else 2))
        self.classifier = nn.Linear(self.in_planes, num_classes)

    def stage(self, block, planes, n, stride):
        stage = nn.Sequential()
        for s in [stride] + [1] * (n - 1):
            stage.append(block(self.in_planes, planes, s))
            self.in_planes = planes * block.expansion
        return stage

    def forward(self, x):
        return self.classifier(self.features(x).mean([2, 3]))


def ResNet18():
    return ResNet(BasicBlock, [2, 2, 2, 2])


net = ResNet18().to(device)
optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9, weight_decay=5e-4)


def train_epoch(loader):
    global best_accuracy
    for x, y in loader:
        optimizer.zero_grad()
        loss = F.cross_entropy(net(x.to(device)), y.to(device))
        loss.backward()
        optimizer.step()
        history["loss"].append(loss.item())


for epoch in range(epochs):
    train_epoch([(torch.randn(128, 3, 32, 32), torch.randint(10, (128,)))] * 391)
    print(epoch, history["loss"][-1])

torch.save(net.state_dict(), "resnet18.pt")
