"""Question 4: the network learns."""

import pytest
import torch
import torch.nn.functional as F

from autograder.suite import expect

pytestmark = pytest.mark.question("q4")

STEPS = 40
"""A sound network needs three; a wrong one may take its time: what is wrong with it is charged elsewhere."""


def trainable_block(student):
    """The student's BasicBlock if it can be trained, else a probe: what is wrong with the block is q1's business."""
    try:
        for shape in ((8, 8, 1), (8, 16, 2)):
            block = student.BasicBlock(*shape)
            y = block(torch.randn(2, 8, 8, 8))
            expect.assert_shape(y, (2, shape[1], 8 // shape[2], 8 // shape[2]), "BasicBlock runs")
            y.sum().backward()
    except Exception:  # whatever is wrong is said in q1
        return student.probe(1)
    return student.BasicBlock


@pytest.mark.points(8)
def test_overfits_eight_images(student):
    """Learning: a few steps of SGD are enough to tell eight images apart."""
    net = student.ResNet(trainable_block(student), [1, 1, 1, 1]).train()
    x = torch.randn(8, 3, 32, 32)
    labels = torch.arange(8)
    optimizer = student.SGD(net, lr=0.05, momentum=0.9)
    losses = []
    for _ in range(STEPS):
        net.zero_grad()
        logits = net(x)
        expect.assert_shape(logits, (8, 10), "a network with ten classes returns (8, 10) logits for 8 images")
        loss = F.cross_entropy(logits, labels)
        losses.append(loss.item())
        right = int((logits.argmax(dim=1) == labels).sum())
        if right == 8:
            break
        if not loss.requires_grad:
            expect.fail(
                "the loss depends on the network's parameters", "logits that know no gradient", "no_grad? detach?"
            )
        loss.backward()
        optimizer.step()
    else:
        expect.fail(
            f"after {STEPS} steps of SGD the network knows the labels of the eight images it is trained on",
            f"it knows {right} of 8; the loss went from {losses[0]:.2f} to {losses[-1]:.2f}",
            "do all layers get a gradient (no detach, no no_grad, no softmax before the loss)?",
        )
