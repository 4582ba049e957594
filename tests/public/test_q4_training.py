"""Question 4: the network learns."""

import pytest
import torch
import torch.nn.functional as F

from autograder.suite import expect

pytestmark = pytest.mark.question("q4")

STEPS = 40
"""A right network needs three; a wrong one may need more: its mistakes are charged in other questions."""


@pytest.mark.points(8)
def test_overfits_eight_images(student):
    """Learning: a few steps of SGD are enough to tell eight images apart."""
    if learns(student):
        return
    # The block may be at fault, which q1 charges, or the size of the logits, which q3 charges.
    failure = train(student, student.probe(1))
    if failure is not None and train(student, student.probe(1), lr=0.005) is not None:
        expect.fail(
            f"after {STEPS} steps of SGD the network classifies the eight images that it is trained on correctly",
            *failure,
        )


def learns(student):
    """Whether a network of the student's own blocks learns; on images of 16x16 first, which take less time."""
    for size in (16, 32):
        try:
            return train(student, student.BasicBlock, steps=12, size=size) is None
        except Exception:  # pooling of a fixed size needs 32x32; anything else is reported by q1, or below
            continue
    return False


def train(student, block, steps=STEPS, lr=0.05, size=32):
    """Train a network with one block per stage; returns (got, hint), or None when all eight images are right."""
    net = student.ResNet(block, [1, 1, 1, 1], 10).train()
    x, labels = torch.randn(8, 3, size, size), torch.randperm(10)[:8]
    optimizer = student.SGD(net, lr=lr, momentum=0.9)
    losses = []
    for _ in range(steps):
        net.zero_grad()
        logits = net(x)
        expect.assert_shape(logits, (8, 10), "a network with ten classes returns (8, 10) logits for 8 images")
        loss = F.cross_entropy(logits, labels)
        losses.append(loss.item())
        right = int((logits.argmax(dim=1) == labels).sum())
        if right == 8:
            return None
        if not loss.requires_grad:
            return "logits without a gradient (requires_grad is False)", "is there a no_grad or a detach?"
        loss.backward()
        optimizer.step()
    got = f"it classifies {right} of 8 correctly; the loss went from {losses[0]:.2f} to {losses[-1]:.2f}"
    return got, "do all layers get a gradient (no detach, no no_grad, no softmax before the loss)?"
