"""Networks of probe blocks that several checks look at: each is built once, and gets its random weights once."""

from collections.abc import Sequence
from functools import cached_property
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from autograder.oracle.small_images import CIFAR10
from autograder.student.passes import gradient_norms, is_there
from autograder.student.probe import Call, calls_of
from autograder.student.state import load_state, outline_of
from autograder.suite import expect
from autograder.suite.blocks import layout

_networks: WeakKeyDictionary[Any, dict[tuple, "ProbeNetwork"]] = WeakKeyDictionary()


class ProbeNetwork:
    """A network of the student's, and what its constructor did.

    A check loads `state`, or another one, before it runs `net`: what the last one left does not matter.
    """

    def __init__(self, student: Any, expansion: int, num_blocks: Sequence[int]):
        probe, self.given = student.probe(expansion), list(num_blocks)
        self.net = student.ResNet(probe, self.given)
        """Built with the list `given`, which it may have changed."""
        self.built: list[Call] = calls_of(probe, layout(expansion, num_blocks))
        self.kept: list[Call] = probe.kept
        self.foreign_call: str = probe.foreign_call

    @cached_property
    def state(self) -> dict[str, Tensor]:
        """Random weights for it, see `scrambled`."""
        return expect.scrambled(outline_of(self.net))

    @cached_property
    def gradients(self) -> tuple[Tensor | None, dict[str, float | None]]:
        """In eval mode, of one image, and the norms of those of the parameters; the stem looks at single pixels."""
        point = torch.zeros(64, 3, 3, 3)
        point[:, :, 1, 1] = torch.rand(64, 3) + 0.1
        load_state(self.net, expect.with_weights(self.state, [point]))
        self.net.eval()
        self.net.zero_grad()
        x = (torch.rand(1, 3, *CIFAR10) + 0.1).requires_grad_()
        logits = self.net(x)
        expect.assert_tensor(logits, "a network returns logits")
        logits.backward(torch.randn_like(logits))
        return x.grad, gradient_norms(self.net)


def probe_network(student: Any, expansion: int, num_blocks: Sequence[int]) -> ProbeNetwork:
    """The student's network of probes of that expansion."""
    _ = student.ResNet  # the check depends on this name, and so says the journal of the suite
    networks, key = _networks.setdefault(student, {}), (expansion, tuple(num_blocks))
    if key not in networks or not is_there(networks[key].net):
        networks[key] = ProbeNetwork(student, expansion, num_blocks)
    return networks[key]
