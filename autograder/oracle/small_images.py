"""Whether a student's networks take images that are smaller than those of CIFAR-10, and cost less."""

from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from autograder.student.errors import NOT_ABOUT_THE_CODE
from autograder.student.passes import outputs_of, settle

CIFAR10, SMALL, TINY = (32, 32), (16, 16), (8, 8)
"""Height and width of images: the last stage has 4x4 positions of the first, 2x2 of the next, and one of the last."""

_takes_small: WeakKeyDictionary[Any, bool] = WeakKeyDictionary()


def takes_small_images(student: Any) -> bool:
    """Whether `ResNet` returns logits for images of all three sizes; not where its pooling has a fixed size.

    It is asked once, of a network of probes. Checks that are not about the size of images then use small ones.
    """
    _ = student.ResNet  # the check depends on this name, and so says the journal of the suite
    if student not in _takes_small:
        settle(student)
        _takes_small[student] = _look(student)
    return _takes_small[student]


def image_size(student: Any) -> tuple[int, int]:
    """Height and width of images for checks that are not about them."""
    return SMALL if takes_small_images(student) else CIFAR10


def refuse_small_images(student: Any) -> None:
    """From now on, use images as large as those of CIFAR-10: with small ones the network differs from the reference."""
    _takes_small[student] = False


def _look(student: Any) -> bool:
    try:
        net = student.ResNet(student.probe(1), (1, 1, 1, 1))
        net.eval()
        outputs = outputs_of(net, [torch.zeros(2, 3, *size) for size in (CIFAR10, SMALL, TINY)])
    except NOT_ABOUT_THE_CODE:
        raise
    except Exception:  # other checks say what is wrong
        return False
    return [output.shape if isinstance(output, Tensor) else () for output in outputs] == [(2, 10)] * 3
