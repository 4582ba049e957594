"""Question 4: the network learns."""

import pytest
import torch
import torch.nn.functional as F

from autograder.oracle.small_images import takes_small_images
from autograder.student.errors import NOT_ABOUT_THE_CODE
from autograder.suite import expect
from autograder.suite.blocks import assert_built_of_blocks

pytestmark = pytest.mark.question("q4")

NUM_BLOCKS = (1, 1, 1, 1)
LEARNING_RATE = 3e-3
"""Of Adam, whose steps have this length however large weights and gradients are: so any usual initialization learns."""
STEPS = 40
"""A right network needs three to five, of small initial weights twenty; a wrong one may need more: its mistakes are
charged in other questions."""
PATIENCE = 12
"""Steps after which the loss must have fallen by a hundredth."""


@pytest.mark.points(8)
def test_overfits_eight_images(student):
    """Learning: a few steps of Adam are enough to tell eight images apart."""
    assert_built_of_blocks(student, NUM_BLOCKS, lambda block: student.ResNet(block, NUM_BLOCKS))
    if learns(student, student.probe(1)):  # whatever its own block does, which q1 judges
        return
    if (failure := train_on_small_images(student, student.BasicBlock)) is not None:
        expect.fail(
            f"within {STEPS} steps of Adam the network classifies the eight images that it is trained on correctly",
            *failure,
        )


def learns(student, block):
    """Whether a network of these blocks learns; not if it cannot be built of them or trained."""
    try:
        if takes_small_images(student) and train(student, block, 8) is None:
            return True
        return train_on_small_images(student, block) is None
    except NOT_ABOUT_THE_CODE:
        raise
    except Exception:  # ResNet may need its own block
        return False


def train_on_small_images(student, block):
    """As `train`, on images of 16x16, which take a quarter of the time, where the network takes them."""
    try:
        return train(student, block, 16)
    except NOT_ABOUT_THE_CODE:
        raise
    except Exception:  # pooling of a fixed size needs 32x32
        return train(student, block, 32)


def train(student, block, size):
    """Train a network with one block per stage; returns (got, hint), or None when all eight images are right.

    Each step gets the images in another order: an answer that depends on the place in the batch is right by chance.
    """
    net = student.ResNet(block, NUM_BLOCKS, 10)
    net.train()
    images, classes = torch.randn(8, 3, size, size), torch.randperm(10)[:8]
    optimizer = student.Adam(net, LEARNING_RATE)
    losses = []
    for _ in range(STEPS):
        order = torch.randperm(8)
        labels = classes[order]
        net.zero_grad()
        logits = net(images[order])
        expect.assert_shape(logits, (8, 10), "a network with ten classes returns (8, 10) logits for 8 images")
        loss = F.cross_entropy(logits, labels)
        losses.append(loss.item())
        right = int((logits.argmax(dim=1) == labels).sum())
        if right == 8:
            return None
        if len(losses) > PATIENCE and min(losses) > 0.99 * losses[0]:
            break
        if not loss.requires_grad:
            return "logits without a gradient (requires_grad is False)", "is there a no_grad or a detach?"
        loss.backward()
        optimizer.step()
    got = f"it classifies {right} of 8 correctly; the loss went from {losses[0]:.2f} to {losses[-1]:.2f}"
    return got, "do all layers get a gradient (no detach, no no_grad, no softmax before the loss)?"
